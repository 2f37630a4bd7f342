// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { pacedFrames } from './frames'

let time = 0
let frames: FrameRequestCallback[] = []
const nextFrame = (ms: number) => {
  time += ms
  vi.advanceTimersByTime(ms)
  frames.splice(0).forEach((f) => f(time))
}

beforeEach(() => {
  time = 1000
  frames = []
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  vi.stubGlobal('requestAnimationFrame', (f: FrameRequestCallback) => frames.push(f))
  vi.stubGlobal('cancelAnimationFrame', (n: number) => void (frames[n - 1] = () => {}))
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('frames', () => {
  it('come at once while drawing is quick', () => {
    const frame = pacedFrames(() => time)
    const drawn = vi.fn()
    for (let i = 1; i <= 3; i++) {
      frame(drawn)
      nextFrame(16)
      expect(drawn).toHaveBeenCalledTimes(i)
      nextFrame(16)
    }
  })

  it('rest for twice as long as the last drawing took', () => {
    const frame = pacedFrames(() => time)
    frame(() => {})
    nextFrame(16)
    nextFrame(60) // the drawing held the next frame up
    const drawn = vi.fn()
    frame(drawn)
    nextFrame(16)
    nextFrame(80)
    expect(drawn).not.toHaveBeenCalled()
    nextFrame(30)
    nextFrame(16)
    expect(drawn).toHaveBeenCalledTimes(1)
  })

  it('are not waited for on a page that has none, and can be called off', () => {
    const frame = pacedFrames(() => time)
    const drawn = vi.fn()
    frame(drawn)
    vi.advanceTimersByTime(260)
    expect(drawn).toHaveBeenCalledTimes(1)
    frame(drawn)()
    vi.advanceTimersByTime(1000)
    nextFrame(16)
    expect(drawn).toHaveBeenCalledTimes(1)
  })
})
