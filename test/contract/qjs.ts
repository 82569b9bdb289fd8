/** The contract suite on QuickJS. */

import { createQuickJsHost } from "../../src/qjs/host.ts";
import { runContract } from "./suite.ts";

// Not awaited: the engine cannot take a module apart that waits when the program ends.
void runContract(createQuickJsHost());
