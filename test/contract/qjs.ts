/** The contract suite on QuickJS. */

import { createQuickJsHost } from "../../src/qjs/host.ts";
import { runContract } from "./suite.ts";

await runContract(createQuickJsHost());
