/** Entry: all programs on Node. */

import { createNodeHost } from "../node/host.ts";
import { main } from "./main.ts";

main(createNodeHost());
