// Files that the page makes itself.

/** Offer text or bytes as a file. */
export function download(name: string, data: string | Blob, type = 'text/plain') {
  const url = URL.createObjectURL(typeof data === 'string' ? new Blob([data], { type }) : data)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

const DRAWN = ['fill', 'stroke', 'fill-opacity', 'stroke-opacity', 'stroke-width', 'font-size', 'font-family', 'opacity'] as const

/** A drawing of the page as a PNG, at twice its size: colours are looked up, for a file has no themes. */
export async function pngOf(svg: SVGSVGElement): Promise<Blob> {
  const { width, height } = svg.getBoundingClientRect()
  const copy = svg.cloneNode(true) as SVGSVGElement
  const [from, to] = [svg, copy].map((s) => [s, ...s.querySelectorAll<SVGElement>('*')])
  from!.forEach((element, i) => {
    const style = getComputedStyle(element)
    for (const name of DRAWN) to![i]!.setAttribute(name, style.getPropertyValue(name))
  })
  copy.setAttribute('width', String(width))
  copy.setAttribute('height', String(height))
  const image = new Image()
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`
  await image.decode()
  const canvas = document.createElement('canvas')
  canvas.width = width * 2
  canvas.height = height * 2
  const ctx = canvas.getContext('2d')!
  ctx.fillStyle = getComputedStyle(document.documentElement).backgroundColor
  ctx.fillRect(0, 0, canvas.width, canvas.height)
  ctx.drawImage(image, 0, 0, canvas.width, canvas.height)
  return new Promise((resolve, reject) => canvas.toBlob((b) => (b ? resolve(b) : reject(new Error('no picture'))), 'image/png'))
}
