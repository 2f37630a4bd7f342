// When what has come in is drawn: at the next frame, and no sooner after the last time than that one
// took, twice. A page that shows a thousand events a second then draws them in fewer, larger steps,
// and stays free to scroll and to be typed into.
const SMOOTH_MS = 20 // from one frame to the next, with nothing in between
const REST_MS_MAX = 250
const HIDDEN_MS = 250 // a page that is not looked at gets no frames

export type Frame = (fn: () => void) => () => void

/** A scheduler: give it work, get how to call it off. One piece of work waits at a time. */
export function pacedFrames(now: () => number = () => performance.now()): Frame {
  let free = 0 // when the page has rested enough
  return (fn) => {
    let frame = 0
    let rest: ReturnType<typeof setTimeout> | undefined
    const cancel = () => {
      cancelAnimationFrame(frame)
      clearTimeout(rest)
      clearTimeout(hidden)
    }
    const run = () => {
      cancel()
      const began = now()
      fn()
      requestAnimationFrame(() => {
        const took = now() - began
        if (took > SMOOTH_MS) free = now() + Math.min(REST_MS_MAX, 2 * took)
      })
    }
    const wait = Math.max(0, free - now())
    const ask = () => {
      frame = requestAnimationFrame(run)
    }
    const hidden = setTimeout(run, wait + HIDDEN_MS)
    if (wait > 0) rest = setTimeout(ask, wait)
    else ask()
    return cancel
  }
}
