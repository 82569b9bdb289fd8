/** `status`: how the broker is, in numbers that are known without counting. */

import { PUBLISH } from "../../broker/constants.ts";
import { LIMITS } from "../../broker/limits.ts";
import type { UbusInputTable, UbusTable } from "../../ubus/value.ts";
import type { OpenListener } from "../listen.ts";
import { VERSION } from "../version.ts";
import { integerOf } from "./arguments.ts";
import { listenerName, type Program } from "./program.ts";
import { MAXIMUM_HISTORY, type Rates } from "./rates.ts";

export function status(program: Program, rates: Rates, args: UbusTable): UbusInputTable {
	const history = integerOf(args, "history", 0, MAXIMUM_HISTORY, 0);
	const { broker, host } = program;
	const counts = broker.administration.counts();
	const statistics = broker.countedStatistics();
	const memory = host.process.memory();
	const reload = program.lastReload();
	const disk = broker.administration.disk();
	return {
		state: program.isStopping() ? "stopping" : "running",
		version: VERSION,
		host: host.name,
		pid: host.process.pid,
		time: Math.floor(host.clock.now() / 1000),
		uptime: counts.uptime,
		...(reload === null
			? {}
			: { reload: { time: reload.time, ok: reload.errors.length === 0, errors: reload.errors } }),
		memory: {
			current: memory.current,
			maximum: memory.maximum,
			limit: program.config().global.memoryLimit,
			scarce: counts.memoryScarce,
		},
		clients: {
			connected: counts.connected,
			away: counts.sessions - counts.connected,
			total: counts.sessions,
			maximum: counts.sessionsMaximum,
			expired: counts.sessionsExpired,
		},
		subscriptions: counts.subscriptions,
		shared_subscriptions: counts.sharedSubscriptions,
		retained: counts.retained,
		messages: {
			received: statistics.received[PUBLISH]!,
			sent: statistics.sent[PUBLISH]!,
			dropped: statistics.dropped,
		},
		packets: { received: statistics.packetsReceived, sent: statistics.packetsSent },
		octets: { received: statistics.bytesReceived, sent: statistics.bytesSent },
		connections: statistics.sockets,
		rates: rates.rates(),
		...(disk === null ? {} : { flash: { ...disk } }),
		limits: limitsReached(program),
		listeners: program.listeners().map((open) => ({
			...listenerFacts(open),
			clients: broker.administration.connectionsOn(open.plan.settings),
		})),
		...(history === 0 ? {} : { history: rates.history(history) }),
	};
}

function limitsReached({ broker }: Program): UbusInputTable {
	const reached: Record<string, number> = {};
	for (const limit of LIMITS) {
		const count = broker.limits.reached(limit);
		if (count > 0) reached[limit] = count;
	}
	return reached;
}

/** A listener, without how many use it. */
export function listenerFacts({ plan, addresses: fixed, followed }: OpenListener): UbusInputTable {
	const { listener, settings, kind, network } = plan;
	const device = network ?? plan.device;
	const addresses = [...fixed];
	for (const [address, handle] of followed ?? []) if (handle !== null) addresses.push(address);
	return {
		name: listenerName(plan),
		protocol: listener.protocol,
		...(kind === "unix" ? { path: plan.host } : { addresses, port: settings.port }),
		tls: plan.tls !== null,
		...(device === null ? {} : { interface: device }),
		...(settings.maxConnections === null ? {} : { maximum: settings.maxConnections }),
		anonymous: settings.allowAnonymous,
		...(settings.mountPoint === "" ? {} : { mount_point: settings.mountPoint }),
	};
}
