/** Opening listeners: which addresses, in which order, and what is said when one cannot be had. */

import type { ListenerConfig } from "../config/config.ts";
import type { Connection, Host, HostError, Listener, ListenOptions, ListenTls } from "../host/host.ts";
import type { Log } from "../host/log.ts";
import type { ListenerPlan } from "./settings.ts";
import { StartError } from "./start-error.ts";
import type { TlsSettings } from "./tls.ts";

export interface OpenListener {
	readonly plan: ListenerPlan;
	handles: readonly Listener[];
	/** Numeric addresses, or the path, that are listened on. */
	readonly addresses: readonly string[];
	/** Whether TCP_NODELAY is set on what is accepted. */
	noDelay: boolean;
	/** Listeners by address of a network, null where there is none to be had; null before any is asked for. */
	followed: Map<string, Listener | null> | null;
}

export type ListenHost = Pick<Host, "network" | "files">;

/** Ports that the system chooses may be free for IPv4 and taken for IPv6. */
const AUTO_ATTEMPTS = 16;

const FAMILIES = [
	{ domain: "ipv4", name: "IPv4" },
	{ domain: "ipv6", name: "IPv6" },
] as const;

/** What a machine without IPv6 answers. */
const NO_SUCH_FAMILY: readonly string[] = ["EAFNOSUPPORT", "EADDRNOTAVAIL", "EPROTONOSUPPORT"];

function isIpv6(address: string): boolean {
	return address.includes(":");
}

function family(plan: ListenerPlan, address: string): string {
	if (plan.kind === "unix") return "unix";
	return isIpv6(address) ? "ipv6" : "ipv4";
}

/** Whether an address is of the family that the plan is for. */
export function isOfDomain(plan: ListenerPlan, address: string): boolean {
	return plan.domain === null || family(plan, address) === plan.domain;
}

/** Numeric addresses (or the path) to listen on. */
async function addressesOf(host: ListenHost, log: Log, plan: ListenerPlan): Promise<string[]> {
	if (plan.kind === "unix") return [plan.host ?? ""];
	if (plan.device !== null) return await addressesOfDevice(host, log, plan, plan.device);
	let addresses = plan.kind === "loopback" ? ["127.0.0.1", "::1"] : ["0.0.0.0", "::"];
	if (plan.host !== null) addresses = await resolve(host, plan.host);
	const chosen = addresses.filter((address) => isOfDomain(plan, address));
	if (chosen.length === 0) throw new StartError([`Error: ${plan.host} has no ${plan.domain} address.`]);
	return chosen;
}

async function resolve(host: ListenHost, name: string): Promise<string[]> {
	try {
		return await host.network.resolve(name);
	} catch (error) {
		const text = `Error: Error resolving listener address ${name}: ${(error as HostError).message}.`;
		throw new StartError([text], error);
	}
}

/** The addresses of a network interface; where the listener names a host as well, those of them that are the host's. */
async function addressesOfDevice(
	host: ListenHost,
	log: Log,
	plan: ListenerPlan,
	device: string,
): Promise<string[]> {
	let addresses: string[];
	try {
		addresses = host.network.interfaceAddresses(device);
	} catch (error) {
		throw new StartError([`Error: Interface ${device} does not exist.`], error);
	}
	const families = FAMILIES.filter((each) => plan.domain === null || each.domain === plan.domain);
	const missing = families
		.filter(({ domain }) => !addresses.some((address) => family(plan, address) === domain))
		.map(({ name }) => `Interface ${device} does not support ${name} configuration.`);
	if (missing.length === families.length) throw new StartError(missing.map((text) => `Error: ${text}`));
	for (const text of missing) log.write("warning", `Warning: ${text}`);
	const named = plan.host === null ? addresses : await resolve(host, plan.host);
	const chosen = addresses.filter(
		(address) => named.includes(address) && families.some(({ domain }) => domain === family(plan, address)),
	);
	if (chosen.length > 0) return chosen;
	const text = `Error: Interface address for ${device} does not match specified listener address (${plan.host}).`;
	throw new StartError([text]);
}

/** What mosquitto calls protocols that have a library of their own there. */
const OPENING: Readonly<Record<ListenerConfig["protocol"], string | null>> = {
	mqtt: null,
	auto: null,
	websockets: "websockets",
	http_api: "http api",
};

/** One line for each address; for protocols other than MQTT one for all of them. */
export function sayOpening(
	log: Log,
	plan: ListenerPlan,
	address: string,
	port: number,
	isFirst: boolean,
): void {
	const where = plan.kind === "unix" ? `path ${address}` : `port ${port}`;
	const protocol = OPENING[plan.listener.protocol];
	if (protocol === null)
		log.write("information", `Opening ${family(plan, address)} listen socket on ${where}.`);
	else if (isFirst) log.write("information", `Opening ${protocol} listen socket on ${where}.`);
}

/** Gives a unix socket to whom it is for. Throws a HostError. */
function giveAway(host: ListenHost, { listener, kind }: ListenerPlan, address: string): void {
	const owner = listener.unixSocketOwner;
	if (kind !== "unix" || owner === null) return;
	try {
		host.files.setOwner(address, owner.user, owner.group);
	} catch (error) {
		const { code, message } = error as HostError;
		throw Object.assign(new Error(`Unable to give the socket to ${owner.user}: ${message}`), { code });
	}
}

function startError(plan: ListenerPlan, address: string, port: number, error: HostError): StartError {
	const where =
		plan.kind === "unix" ? address : isIpv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
	const lines = [`Error: ${error.message} (${where})`];
	if (error.code === "EACCES" && plan.kind !== "unix" && port < 1024) {
		lines.push("Error: Ports below 1024 need root, or the capability CAP_NET_BIND_SERVICE.");
	}
	return new StartError(lines, error);
}

/** TLS as the host takes it; who is not let in is logged. */
function listenTls(log: Log, plan: ListenerPlan, { context }: TlsSettings, limits: ListenLimits): ListenTls {
	return {
		context,
		refused(address, port, { code, message }) {
			const who = `Client from ${address || plan.settings.path}:${port}`;
			const failure = `${who} disconnected: TLS handshake failed: ${message} (${code})`;
			if (code === "TLS_BUSY") {
				limits.reach("tls_handshakes", plan, failure);
				return;
			}
			if (code === "TLS_TIMEOUT") limits.count("connect_timeout");
			const text =
				code === "TLS_NOT_TLS"
					? `${who} appears to be connecting without TLS to a TLS listener.`
					: `${failure}.`;
			log.write("notice", text);
		},
	};
}

/** Who counts how often limits are reached before the broker sees a client; see DoorLimits. */
export interface ListenLimits {
	count(limit: "connect_timeout"): void;
	reach(limit: "tls_handshakes", about: object, text: string): void;
}

/** Who is told of what comes in. */
export interface ListenEvents {
	readonly limits: ListenLimits;
	/** A connection, not started. */
	accept(connection: Connection, plan: ListenerPlan): void;
}

/** Takes other TLS settings for clients that are still to come. */
export function setTls(open: OpenListener, tls: TlsSettings): void {
	open.plan.tls = tls;
	for (const handle of open.handles) handle.setTls(tls.context);
}

export function optionsOf(
	log: Log,
	plan: ListenerPlan,
	address: string,
	port: number,
	noDelay: boolean,
	limits: ListenLimits,
): ListenOptions {
	const mode = plan.listener.unixSocketMode;
	return {
		address,
		port,
		noDelay,
		...(mode === null ? {} : { mode }),
		...(plan.tls === null ? {} : { tls: listenTls(log, plan, plan.tls, limits) }),
	};
}

/** Opens all addresses of a plan; throws StartError with none left open. */
async function openPlan(
	host: ListenHost,
	log: Log,
	plan: ListenerPlan,
	noDelay: boolean,
	events: ListenEvents,
): Promise<OpenListener> {
	// Those of a network are opened when it is known which they are.
	if (plan.network !== null) return { plan, handles: [], addresses: [], noDelay, followed: null };
	const addresses = await addressesOf(host, log, plan);
	const auto = plan.port === "auto";
	for (let attempt = 1; ; attempt++) {
		const handles: Listener[] = [];
		const opened: string[] = [];
		let port = plan.port === "auto" ? 0 : plan.port;
		let taken: StartError | null = null;
		for (const address of addresses) {
			try {
				// The line comes first, as in mosquitto; a port that the system chooses is known only afterwards.
				if (!auto) sayOpening(log, plan, address, port, address === addresses[0]);
				const options = optionsOf(log, plan, address, port, noDelay, events.limits);
				const handle = await host.network.listen(options, (connection) => events.accept(connection, plan));
				handles.push(handle);
				opened.push(address);
				giveAway(host, plan, address);
				port = handle.port;
			} catch (error) {
				const { code, message } = error as HostError;
				const other = addresses.some((each) => !isIpv6(each));
				if (isIpv6(address) && plan.kind !== "unix" && other && NO_SUCH_FAMILY.includes(code)) {
					log.write("notice", `IPv6 is not available (${message}): going on with IPv4.`);
					continue;
				}
				for (const handle of handles) handle.close();
				taken = startError(plan, address, port, error as HostError);
				if (!auto || code !== "EADDRINUSE" || attempt === AUTO_ATTEMPTS) throw taken;
				break;
			}
		}
		if (taken !== null) continue;
		plan.settings.port = port;
		if (auto) {
			for (const [index, address] of opened.entries()) {
				sayOpening(log, plan, address, port, index === 0);
			}
		}
		return { plan, handles, addresses: opened, noDelay, followed: null };
	}
}

/** Opens listeners in turn; throws StartError with none left open. */
export async function openListeners(
	host: ListenHost,
	log: Log,
	plans: readonly ListenerPlan[],
	noDelay: boolean,
	events: ListenEvents,
): Promise<OpenListener[]> {
	const open: OpenListener[] = [];
	try {
		for (const plan of plans) {
			open.push(await openPlan(host, log, plan, noDelay, events));
		}
	} catch (error) {
		closeListeners(open);
		throw error;
	}
	return open;
}

export function closeListeners(open: readonly OpenListener[]): void {
	for (const { handles } of open) for (const handle of handles) handle.close();
}
