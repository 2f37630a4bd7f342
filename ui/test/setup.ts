import { afterEach, vi } from 'vitest'

if (typeof document !== 'undefined') {
  await import('@testing-library/jest-dom/vitest')
  const { cleanup, configure } = await import('@testing-library/react')
  configure({ getElementError: (message) => new Error(message ?? 'not found') }) // without the whole document
  afterEach(cleanup)

  // What jsdom lacks and components ask for.
  vi.stubGlobal('matchMedia', (query: string) => ({ matches: false, media: query, addEventListener() {}, removeEventListener() {} }))
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe() {}
      unobserve() {}
      disconnect() {}
    },
  )
  // Nothing has a size there; the list of events shows as many rows as fit.
  for (const [name, size] of Object.entries({ offsetHeight: 600, clientHeight: 600, offsetWidth: 1024, clientWidth: 1024 }))
    Object.defineProperty(HTMLElement.prototype, name, { configurable: true, get: () => size })
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true
  }
  Element.prototype.scrollTo = () => {}
  Element.prototype.scrollIntoView = () => {}
  Element.prototype.hasPointerCapture = () => false
}

if (typeof document !== 'undefined') afterEach(() => localStorage.clear())
