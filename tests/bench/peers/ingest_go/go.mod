module millrace/bench/ingest

go 1.19

require (
	github.com/jackc/pgx/v5 v5.5.3
	github.com/redis/go-redis/v9 v9.5.1
)
