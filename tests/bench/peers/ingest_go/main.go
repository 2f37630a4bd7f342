// Taking messages and giving back the newest in Go: net/http, go-redis and pgx's pool.
//
//	ingest_go PORT DATABASE_URL REDIS_URL     prints "listening" when it does
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

type message struct {
	ID         int64      `json:"id,omitempty"`
	UserID     int64      `json:"user_id"`
	ChannelID  int64      `json:"channel_id"`
	Content    string     `json:"content"`
	CreatedAt  time.Time  `json:"created_at"`
	InsertedAt *time.Time `json:"inserted_at,omitempty"`
}

func main() {
	pool, err := pgxpool.New(context.Background(), os.Args[2])
	if err != nil {
		panic(err)
	}
	options, err := redis.ParseURL(os.Args[3])
	if err != nil {
		panic(err)
	}
	queue := redis.NewClient(options)
	answer := func(w http.ResponseWriter, status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	post := func(w http.ResponseWriter, r *http.Request) {
		var m message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || len(m.Content) < 1 || len(m.Content) > 40000 {
			http.Error(w, "not a message", 422)
			return
		}
		m.CreatedAt = time.Now().UTC()
		text, _ := json.Marshal(m)
		n, err := queue.LPush(r.Context(), "pending_messages", text).Result()
		if err != nil {
			http.Error(w, err.Error(), 503)
			return
		}
		answer(w, 202, map[string]any{"status": "queued", "queue_length": n})
	}
	get := func(w http.ResponseWriter, r *http.Request) {
		rows, err := pool.Query(r.Context(), "SELECT id, user_id, channel_id, content, created_at, inserted_at FROM messages ORDER BY inserted_at DESC, id DESC LIMIT 50")
		if err != nil {
			http.Error(w, err.Error(), 503)
			return
		}
		defer rows.Close()
		list := []message{}
		for rows.Next() {
			var m message
			if err := rows.Scan(&m.ID, &m.UserID, &m.ChannelID, &m.Content, &m.CreatedAt, &m.InsertedAt); err != nil {
				http.Error(w, err.Error(), 500)
				return
			}
			list = append(list, m)
		}
		answer(w, 200, list)
	}
	http.HandleFunc("/messages", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			post(w, r)
		} else {
			get(w, r)
		}
	})
	go func() { time.Sleep(50 * time.Millisecond); fmt.Println("listening") }()
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
