/** The contract suite on Node. */

import { createNodeHost } from "../../src/node/host.ts";
import { runContract } from "./suite.ts";

void runContract(createNodeHost());
