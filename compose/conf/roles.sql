-- roles.sql: the roles and databases of a development cluster; safe to run again. Passwords come
-- from the environment, so that no process list shows them.
--   millrace  owns the platform's database and may create others (the tests do)
--   demo      stands for a source's owner: creates databases, slots, publications for all tables
\getenv millrace_password PG_MILLRACE_PASSWORD
\getenv demo_password PG_DEMO_PASSWORD
SELECT 'CREATE ROLE millrace' WHERE to_regrole('millrace') IS NULL \gexec
SELECT 'CREATE ROLE demo' WHERE to_regrole('demo') IS NULL \gexec
ALTER ROLE millrace LOGIN CREATEDB PASSWORD :'millrace_password';
ALTER ROLE demo LOGIN SUPERUSER CREATEDB REPLICATION PASSWORD :'demo_password';
SELECT format('CREATE DATABASE %I OWNER %I', name, owner)
  FROM (VALUES ('millrace', 'millrace'), ('shop', 'demo'), ('warehouse', 'demo')) d (name, owner)
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec
