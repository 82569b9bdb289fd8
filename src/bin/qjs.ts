/** Entry: all programs on QuickJS. */

import { createQuickJsHost } from "../qjs/host.ts";
import { main } from "./main.ts";

main(createQuickJsHost());
