/** The dominant colour of a title as a value that is safe inside a style. */

import { isHexColour } from "./colour";

export function safeTone(color: string): string {
  return isHexColour(color) ? color : "#1d212c";
}
