// socket.io's own packets, read with numbers that survive (lib/json.ts). Only the step from text to
// values is ours; the wire format stays the library's.
import { Decoder, Encoder } from 'socket.io-parser'
import { parseExact } from '@/lib/json'

// tryParse is private in the types alone; parser.test.ts holds that it is what gets called.
const Base = Decoder as unknown as new () => { tryParse(text: string): unknown }

class ExactDecoder extends Base {
  override tryParse(text: string): unknown {
    try {
      return parseExact(text)
    } catch {
      return false // the library's word for "not JSON": it closes the connection
    }
  }
}

export const exactParser = { Encoder, Decoder: ExactDecoder }
