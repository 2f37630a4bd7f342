// What is right in the forms of the settings. Pure.
import * as z from 'zod/mini'

/** A password is counted in bytes: that is what is hashed of it. */
export const password = z.string().check(
  z.minLength(8, 'at least 8 characters'),
  z.refine((p) => new TextEncoder().encode(p).length <= 72, 'at most 72 bytes'),
)
export const passwordForm = z.object({ password })
export const newUserForm = z.object({
  username: z.string().check(z.trim(), z.minLength(1, 'The name is missing'), z.maxLength(64, 'at most 64 characters')),
  password,
  role: z.enum(['viewer', 'operator', 'admin']),
})
export const ownPasswordForm = z
  .object({ current: z.string().check(z.minLength(1, 'The password is missing')), next: password, again: z.string() })
  .check(z.refine((f) => f.next === f.again, { path: ['again'], message: 'not the same' }))
