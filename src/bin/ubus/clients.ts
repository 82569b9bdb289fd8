/** `clients`, `client`, `kick` and `subscriptions`. */

import type { ClientFacts, ConnectionFacts } from "../../broker/administration.ts";
import type { Session } from "../../broker/session.ts";
import { parseShared } from "../../broker/shared.ts";
import type { Work } from "../../broker/work.ts";
import { Status, UbusError } from "../../ubus/status.ts";
import type { UbusInputTable, UbusTable } from "../../ubus/value.ts";
import { flagOf, requiredText, textOf, wordOf } from "./arguments.ts";
import { Page, searchOf } from "./page.ts";
import { listenerOf, type Program } from "./program.ts";

/** By protocol level. */
export const PROTOCOLS: Readonly<Record<number, string>> = { 3: "3.1", 4: "3.1.1", 5: "5.0" };

/** Subscriptions that `client` shows. */
const SHOWN = 100;

export function* clients(program: Program, args: UbusTable): Work<UbusInputTable> {
	const { administration } = program.broker;
	const page = new Page(program.host.utf8, args);
	const matches = searchOf(args);
	const state = wordOf(args, "state", ["connected", "away"]);
	for (const session of administration.sessions()) {
		yield;
		if (state !== null && (session.link !== null) !== (state === "connected")) continue;
		const user = session.rights?.username ?? null;
		if (!matches(session.clientId, user, administration.addressOf(session))) continue;
		page.offer(() => factsTable(program, administration.facts(session)));
	}
	return page.result("clients");
}

function factsTable(program: Program, facts: ClientFacts): UbusInputTable {
	const { id, user, connection, subscriptions, queued, inflight, expiry, since } = facts;
	const listener = listenerOf(program, facts.listener);
	return {
		id,
		connected: connection !== null,
		...(user === null ? {} : { user }),
		...(listener === null ? {} : { listener }),
		subscriptions,
		queued,
		inflight,
		expiry,
		since,
		...(connection === null ? {} : connectionTable(connection)),
	};
}

function connectionTable(connection: ConnectionFacts): UbusInputTable {
	const { address, port, version, cleanStart, keepAlive } = connection;
	return {
		...placeTable(address, port),
		protocol: PROTOCOLS[version] ?? String(version),
		clean_start: cleanStart,
		keep_alive: keepAlive,
	};
}

/** Where a client is; nothing for a unix socket. */
export function placeTable(address: string, port: number): UbusInputTable {
	return address === "" ? {} : { address, port };
}

/** The session of a client that is named. Throws NOT_FOUND. */
function sessionNamed({ broker }: Program, id: string): Session {
	const session = broker.administration.session(id);
	if (session === undefined) throw new UbusError(Status.NOT_FOUND, id);
	return session;
}

export function client(program: Program, args: UbusTable): UbusInputTable {
	const session = sessionNamed(program, requiredText(args, "id"));
	const facts = program.broker.administration.facts(session);
	const page = new Page(program.host.utf8, { limit: SHOWN });
	let shown = 0;
	for (const filter of session.subscriptions) {
		if (++shown > SHOWN) break;
		page.offer(() => subscriptionTable(program, session, filter));
	}
	return {
		...factsTable(program, facts),
		queued_octets: session.queuedOctets,
		...(session.mountPoint === "" ? {} : { mount_point: session.mountPoint }),
		...(facts.connection === null ? {} : moreOf(facts.connection)),
		subscription_list: page.entries,
	};
}

function moreOf({ tls, will, receiveMaximum, maximumPacketSize }: ConnectionFacts): UbusInputTable {
	return {
		...(tls === null ? {} : { tls: { version: tls.version, cipher: tls.cipher } }),
		...(will === null
			? {}
			: {
					will: {
						topic: will.topic,
						size: will.payload.length,
						qos: will.qos,
						retain: will.retain,
						delay: will.properties?.willDelayInterval ?? 0,
					},
				}),
		receive_maximum: receiveMaximum,
		maximum_packet_size: maximumPacketSize,
	};
}

export function kick(program: Program, args: UbusTable): UbusInputTable {
	const id = requiredText(args, "id");
	const session = sessionNamed(program, id);
	const forget = flagOf(args, "session");
	if (session.link === null && !forget) throw new UbusError(Status.NOT_FOUND, id);
	const connected = program.broker.administration.end(session, forget);
	program.log.write(
		"notice",
		`ubus: client ${id} was ${forget ? "ended with its session" : "disconnected"}.`,
	);
	return { connected };
}

export function* subscriptions(program: Program, args: UbusTable): Work<UbusInputTable> {
	const { administration } = program.broker;
	const page = new Page(program.host.utf8, args);
	const matches = searchOf(args);
	const wantsAll = (textOf(args, "search") ?? "") === "";
	const id = textOf(args, "client");
	const sessions = id === null ? administration.sessions() : [sessionNamed(program, id)];
	for (const session of sessions) {
		yield;
		if (wantsAll && page.pass(session.subscriptions.size)) continue;
		for (const filter of session.subscriptions) {
			yield;
			if (matches(filter)) page.offer(() => subscriptionTable(program, session, filter));
		}
	}
	return page.result("subscriptions");
}

function subscriptionTable({ broker }: Program, session: Session, topicFilter: string): UbusInputTable {
	const facts = broker.administration.subscription(session, topicFilter);
	const shared = parseShared(topicFilter);
	return {
		client: session.clientId,
		filter: shared?.topicFilter ?? topicFilter,
		...(shared === null ? {} : { share: shared.name }),
		qos: facts?.qos ?? 0,
		no_local: facts?.noLocal ?? false,
		retain_as_published: facts?.retainAsPublished ?? false,
		...(facts === undefined || facts.identifier === 0 ? {} : { identifier: facts.identifier }),
	};
}
