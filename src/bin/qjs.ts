/** Entry: all programs on QuickJS. The C host itself ends a program whose exception nobody caught, with 70 too. */

import { createQuickJsHost } from "../qjs/host.ts";
import { main } from "./main.ts";

main(createQuickJsHost());
