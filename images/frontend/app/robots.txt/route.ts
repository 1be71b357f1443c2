import { readSettings } from "@/lib/settings";

export const dynamic = "force-dynamic";

export function GET(): Response {
  const rule = readSettings().noindex ? "Disallow: /" : "Disallow: /api/";
  return new Response(`User-agent: *\n${rule}\n`, { headers: { "content-type": "text/plain; charset=utf-8" } });
}
