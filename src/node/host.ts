/** The host contract on Node. */

import type { Host } from "../host/host.ts";
import { copyMasked, createByteMap, random, utf8 } from "./bytes.ts";
import { clock, timers } from "./clock.ts";
import { crypto } from "./crypto.ts";
import { databases } from "./database.ts";
import { files } from "./files.ts";
import { network } from "./network.ts";
import { nodeProcess } from "./process.ts";
import { syslog } from "./syslog.ts";
import { tls } from "./tls.ts";

/** This process as a Host. There is one. */
export function createNodeHost(): Host {
	return {
		name: "node",
		clock,
		timers,
		random,
		utf8,
		crypto,
		network,
		tls,
		files,
		databases,
		process: nodeProcess,
		syslog,
		copyMasked,
		createByteMap,
	};
}
