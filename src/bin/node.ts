/** Entry: all programs on Node. */

import { createNodeHost } from "../node/host.ts";
import { main } from "./main.ts";

const { crash } = main(createNodeHost());
process.on("uncaughtException", crash);
