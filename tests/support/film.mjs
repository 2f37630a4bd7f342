// film.mjs - a picture that moves, made of what a page looked like: for the README, by the test that
// clicks through it (MILLRACE_PICTURE=1).
import { writeFileSync } from 'node:fs'
import gifenc from 'gifenc'
import { PNG } from 'pngjs'

const { GIFEncoder, applyPalette, quantize } = gifenc
const COLOURS = 64 // flat surfaces and text need no more

export class Film {
  frames = []

  constructor(page) {
    this.page = page
  }

  /** What is on the page now, shown for so long. */
  async frame(ms) {
    this.frames.push({ png: await this.page.screenshot({ animations: 'disabled' }), ms })
  }

  save(file) {
    const gif = GIFEncoder()
    for (const { png, ms } of this.frames) {
      const { width, height, data } = PNG.sync.read(png)
      const palette = quantize(data, COLOURS)
      gif.writeFrame(applyPalette(data, palette), width, height, { palette, delay: ms })
    }
    gif.finish()
    writeFileSync(file, gif.bytes())
  }
}
