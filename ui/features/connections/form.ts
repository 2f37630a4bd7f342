// What the form of a connection holds, what is right in it, and what is sent of it. Pure.
import * as z from 'zod/mini'
import type { Connection, DatabaseType, NewConnection } from '@/lib/api/types'

export const DATABASES: Record<DatabaseType, { label: string; port: number; database: string }> = {
  postgresql: { label: 'PostgreSQL', port: 5432, database: 'Database' },
  mysql: { label: 'MySQL', port: 3306, database: 'Database' },
  mariadb: { label: 'MariaDB', port: 3306, database: 'Database' },
  sqlserver: { label: 'SQL Server', port: 1433, database: 'Database' },
  oracle: { label: 'Oracle', port: 1521, database: 'Service name' },
  mongodb: { label: 'MongoDB', port: 27017, database: 'Database' },
}
export const TYPES = Object.keys(DATABASES) as DatabaseType[]
export const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const

const atMost = (n: number) => z.maxLength(n, `at most ${n} characters`)
const text = (what: string, max: number) => z.string().check(z.trim(), z.minLength(1, `${what} is missing`), atMost(max))

export const connectionForm = z.object({
  name: text('The name', 128),
  connection_type: z.enum(['source', 'target']),
  database_type: z.enum(TYPES as [DatabaseType, ...DatabaseType[]]),
  host: text('The host', 255).check(z.regex(/^\S*$/, 'a host has no spaces')),
  port: z.number('a port is a number').check(z.multipleOf(1, 'a port is a whole number'), z.gte(1, 'at least 1'), z.lte(65535, 'at most 65535')),
  database: text('The database', 255),
  username: text('The user', 255),
  password: z.string().check(atMost(1024)),
  schema: z.string().check(z.trim(), atMost(255)),
  ssl_mode: z.enum(SSL_MODES),
  ssl_root_cert: z.string().check(z.trim()),
})
export type ConnectionForm = z.infer<typeof connectionForm>

export const emptyForm = (connection_type: 'source' | 'target' = 'source'): ConnectionForm => ({
  name: '',
  connection_type,
  database_type: 'postgresql',
  host: '',
  port: 5432,
  database: '',
  username: '',
  password: '',
  schema: '',
  ssl_mode: 'prefer',
  ssl_root_cert: '',
})

export const formOf = (c: Connection): ConnectionForm => ({
  name: c.name,
  connection_type: c.connection_type,
  database_type: c.database_type,
  host: c.host,
  port: c.port,
  database: c.database,
  username: c.username,
  password: '', // what the server has never comes back
  schema: c.schema ?? '',
  ssl_mode: c.ssl_mode,
  ssl_root_cert: c.ssl_root_cert ?? '',
})

/** What to send. An empty password of a connection that is there leaves the password as it is. */
export function bodyOf(form: ConnectionForm, isNew: boolean): NewConnection {
  const { password, schema, ssl_root_cert, ...rest } = form
  return {
    ...rest,
    schema: schema || null,
    ssl_root_cert: ssl_root_cert || null,
    ...(password ? { password } : isNew ? { password: null } : {}),
  }
}
