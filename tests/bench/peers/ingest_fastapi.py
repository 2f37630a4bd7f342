"""ingest_fastapi.py - taking messages and giving back the newest by FastAPI, redis-py and psycopg: a peer of the ingest bench.

    python ingest_fastapi.py PORT DATABASE_URL REDIS_URL     prints "listening" when it does
"""

import json
import sys
from contextlib import asynccontextmanager
from datetime import datetime, timezone

import redis.asyncio as redis
import uvicorn
from fastapi import FastAPI
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel, Field

SQL = "SELECT id, user_id, channel_id, content, created_at, inserted_at FROM messages ORDER BY inserted_at DESC, id DESC LIMIT %s"


class Message(BaseModel):
    user_id: int
    channel_id: int
    content: str = Field(min_length=1, max_length=10000)


@asynccontextmanager
async def life(app):
    app.state.redis = redis.from_url(sys.argv[3])
    app.state.pool = AsyncConnectionPool(sys.argv[2], min_size=2, max_size=8, open=False, kwargs={"row_factory": dict_row})
    await app.state.pool.open()
    print("listening", flush=True)
    yield
    await app.state.pool.close()
    await app.state.redis.aclose()


app = FastAPI(lifespan=life)


@app.post("/messages", status_code=202)
async def post(message: Message):
    body = message.model_dump() | {"created_at": datetime.now(timezone.utc).isoformat()}
    return {"status": "queued", "queue_length": await app.state.redis.lpush("pending_messages", json.dumps(body))}


@app.get("/messages")
async def get(limit: int = 50):
    async with app.state.pool.connection() as c:
        return await (await c.execute(SQL, (limit,))).fetchall()


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
