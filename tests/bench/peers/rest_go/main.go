// The same two answers as millrace's in Go: net/http and pgx's pool.
//
//	rest_go PORT DATABASE_URL     prints "listening" when it does
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

type pipeline struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Mode        string    `json:"mode"`
	Status      string    `json:"status"`
	Engine      string    `json:"engine"`
	Topics      any       `json:"kafka_topics"`
	Tags        any       `json:"tags"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

func main() {
	pool, err := pgxpool.New(context.Background(), os.Args[2])
	if err != nil {
		panic(err)
	}
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	http.HandleFunc("/health", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{"status": "healthy", "checks": map[string]string{"postgres": "up"}, "version": "1", "uptime_seconds": 1})
	})
	http.HandleFunc("/api/v1/pipelines", func(w http.ResponseWriter, r *http.Request) {
		rows, err := pool.Query(r.Context(), "SELECT id::text, name, description, mode, status, engine, kafka_topics, tags, created_at, updated_at FROM pipelines WHERE deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 50")
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		defer rows.Close()
		list := []pipeline{}
		for rows.Next() {
			var p pipeline
			if err := rows.Scan(&p.ID, &p.Name, &p.Description, &p.Mode, &p.Status, &p.Engine, &p.Topics, &p.Tags, &p.CreatedAt, &p.UpdatedAt); err != nil {
				http.Error(w, err.Error(), 500)
				return
			}
			list = append(list, p)
		}
		answer(w, list)
	})
	go func() { time.Sleep(50 * time.Millisecond); fmt.Println("listening") }()
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
