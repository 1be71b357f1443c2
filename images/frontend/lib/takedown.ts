/** How a title that was taken down is answered: gone, or withheld for legal reasons (RFC 7725). */
export type TakedownStatus = 410 | 451;

export function isTakedown(status: number): status is TakedownStatus {
  return status === 410 || status === 451;
}
