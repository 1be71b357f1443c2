import type { Metadata, Viewport } from "next";
import localFont from "next/font/local";
import { headers } from "next/headers";
import type { CSSProperties, ReactNode } from "react";

import { SiteFooter } from "@/components/site-footer";
import { SiteNav } from "@/components/site-nav";
import { readSettings } from "@/lib/settings";

import "./globals.css";

const latin = localFont({
  src: "../node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
  variable: "--font-latin",
  weight: "100 900",
  preload: true,
  declarations: [
    {
      prop: "unicode-range",
      value: "U+0000-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+2000-206F,U+20AC,U+2122,U+2191,U+2193,U+2212",
    },
  ],
});
const latinExt = localFont({
  src: "../node_modules/@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2",
  variable: "--font-latin-ext",
  weight: "100 900",
  preload: false,
  adjustFontFallback: false,
  declarations: [{ prop: "unicode-range", value: "U+0100-02BA,U+02BD-02C5,U+02C7-02CC,U+1E00-1E9F,U+1EF2-1EFF,U+20A0-20AB,U+20AD-20C0" }],
});
const cyrillic = localFont({
  src: "../node_modules/@fontsource-variable/inter/files/inter-cyrillic-wght-normal.woff2",
  variable: "--font-cyrillic",
  weight: "100 900",
  preload: false,
  adjustFontFallback: false,
  declarations: [{ prop: "unicode-range", value: "U+0301,U+0400-045F,U+0490-0491,U+04B0-04B1,U+2116" }],
});

export function generateMetadata(): Metadata {
  const { brand, noindex, publicUrl } = readSettings();
  return {
    title: { default: brand.name, template: `%s · ${brand.name}` },
    description: `Films and series on ${brand.name}.`,
    applicationName: brand.name,
    ...(publicUrl !== null && { metadataBase: new URL(publicUrl) }),
    robots: noindex
      ? { index: false, follow: false }
      : { index: true, follow: true, "max-image-preview": "large", "max-video-preview": -1 },
    openGraph: { siteName: brand.name, type: "website" },
    formatDetection: { telephone: false },
    icons: { icon: "/brand-icon" },
    manifest: "/manifest.webmanifest",
  };
}

export const viewport: Viewport = { themeColor: "#08090c", colorScheme: "dark", viewportFit: "cover" };

export default async function RootLayout({ children }: { readonly children: ReactNode }) {
  // The nonce of the content security policy is new in every request, so no page may be rendered ahead of it.
  await headers();
  const { brand } = readSettings();
  const accents = { "--accent": brand.accent, "--accent-strong": brand.accentStrong } as CSSProperties;
  return (
    <html lang="en" className={`${latin.variable} ${latinExt.variable} ${cyrillic.variable}`} style={accents}>
      <body>
        <a href="#content" className="skip-link">
          Skip to content
        </a>
        <SiteNav siteName={brand.name} />
        <main id="content" tabIndex={-1}>
          {children}
        </main>
        <SiteFooter siteName={brand.name} />
      </body>
    </html>
  );
}
