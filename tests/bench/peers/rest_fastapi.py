"""rest_fastapi.py - the same two answers as millrace's by FastAPI and asyncpg: a peer of the REST bench.

    python rest_fastapi.py PORT DATABASE_URL     prints "listening" when it does
"""

import json
import sys
from contextlib import asynccontextmanager

import asyncpg
import uvicorn
from fastapi import FastAPI

SQL = (
    "SELECT id::text, name, description, mode, status, engine, kafka_topics, tags, created_at, updated_at "
    "FROM pipelines WHERE deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 50"
)


@asynccontextmanager
async def life(app):
    app.state.pool = await asyncpg.create_pool(sys.argv[2], min_size=2, max_size=8)
    print("listening", flush=True)
    yield
    await app.state.pool.close()


app = FastAPI(lifespan=life)


@app.get("/health")
async def health():
    return {"status": "healthy", "checks": {"postgres": "up"}, "version": "1", "uptime_seconds": 1}


@app.get("/api/v1/pipelines")
async def pipelines():
    rows = [dict(r) for r in await app.state.pool.fetch(SQL)]
    for row in rows:
        row["kafka_topics"], row["tags"] = json.loads(row["kafka_topics"]), json.loads(row["tags"])
    return rows


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
