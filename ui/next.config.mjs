// A static export: the millrace binary serves out/ as files, and so could anything else.
// Where the API is, is decided at run time (lib/config.ts), so one build serves any host.

/** @type {import('next').NextConfig} */
const config = {
  output: 'export',
  reactStrictMode: true,
  poweredByHeader: false,
  images: { unoptimized: true },
  devIndicators: false,
  eslint: { ignoreDuringBuilds: true }, // `npm run lint` does it
  outputFileTracingRoot: import.meta.dirname ?? new URL('.', import.meta.url).pathname,
}

export default config
