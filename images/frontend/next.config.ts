import type { NextConfig } from "next";

const config: NextConfig = {
  output: "standalone",
  poweredByHeader: false,
  reactStrictMode: true,
  productionBrowserSourceMaps: false,
  // Posters arrive in their final widths and are cached by the edge: no resizer, so no sharp in the image.
  images: { unoptimized: true },
  outputFileTracingExcludes: { "*": ["node_modules/@img/**", "node_modules/sharp/**", "node_modules/typescript/**"] },
  // `npm test` checks types; a build that only follows it need not do so again.
  typescript: { ignoreBuildErrors: process.env.SKIP_TYPES === "1" },
  // Compression belongs to the edge; buffering it here would delay the first byte.
  compress: false,
  // The root file system is read-only in a pod.
  cacheMaxMemorySize: 8 * 1024 * 1024,
  experimental: { isrFlushToDisk: false },
  turbopack: { root: import.meta.dirname },
  outputFileTracingRoot: import.meta.dirname,
};

export default config;
