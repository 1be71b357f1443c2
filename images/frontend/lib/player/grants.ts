/** Signed links for a title, asked of the manager and kept until shortly before they expire. */

import { playGrant, problem, type PlayGrant } from "@/lib/api/models";
import { isTakedown } from "@/lib/takedown";

export type GrantFailure = "gone" | "missing" | "refused" | "busy" | "network";

export class GrantError extends Error {
  constructor(
    readonly failure: GrantFailure,
    readonly requestId: string | null,
  ) {
    super(`no links for this title: ${failure}`);
    this.name = "GrantError";
  }
}

const SPARE_SECONDS = 30;

export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

export class Grants {
  private readonly kept = new Map<number | null, Promise<PlayGrant>>();

  constructor(
    private readonly title: string,
    private readonly fetchJson: Fetch = (input, init) => fetch(input, init),
    private readonly nowSeconds: () => number = () => Date.now() / 1000,
  ) {}

  /** The links for an episode, or for the film with null. GrantError. */
  async get(episode: number | null): Promise<PlayGrant> {
    const known = this.kept.get(episode);
    if (known) {
      const grant = await known.catch(() => null);
      if (grant && grant.expiresAt - SPARE_SECONDS > this.nowSeconds()) return grant;
    }
    return this.renew(episode);
  }

  /** Fresh links, whatever is kept. GrantError. */
  renew(episode: number | null): Promise<PlayGrant> {
    const asked = this.ask(episode);
    this.kept.set(episode, asked);
    asked.catch(() => {
      if (this.kept.get(episode) === asked) this.kept.delete(episode);
    });
    return asked;
  }

  private async ask(episode: number | null): Promise<PlayGrant> {
    let response: Response;
    try {
      response = await this.fetchJson(`/api/play/${encodeURIComponent(this.title)}`, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json" },
        body: JSON.stringify({ episode }),
      });
    } catch {
      throw new GrantError("network", null);
    }
    if (!response.ok) throw await refusal(response);
    try {
      return playGrant(await response.json(), "");
    } catch {
      throw new GrantError("busy", response.headers.get("x-request-id"));
    }
  }
}

async function refusal(response: Response): Promise<GrantError> {
  const told = await response.json().then((body) => problem(body, ""), () => null);
  const requestId = told?.requestId ?? response.headers.get("x-request-id");
  return new GrantError(failureOf(response.status), requestId);
}

function failureOf(status: number): GrantFailure {
  if (isTakedown(status)) return "gone";
  if (status === 404 || status === 409 || status === 422) return "missing";
  if (status === 401 || status === 403) return "refused";
  return "busy";
}
