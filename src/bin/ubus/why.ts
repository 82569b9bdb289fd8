/** `why`: which rule lets a client do something, or does not. */

import type { ListenerSettings } from "../../broker/settings.ts";
import { type Verdict, verdictText } from "../../broker/verdict.ts";
import type { Work } from "../../broker/work.ts";
import { isValidTopicFilter, isValidTopicName } from "../../packet/packet.ts";
import { Status, UbusError } from "../../ubus/status.ts";
import type { UbusInputTable, UbusTable } from "../../ubus/value.ts";
import type { ListenerPlan } from "../settings.ts";
import { requiredText, textOf, wordOf, wrong } from "./arguments.ts";
import { listenerName, listenerOf, type Program } from "./program.ts";

const KINDS = { publish: "write", read: "read", subscribe: "subscribe" } as const;
const WORDS = ["publish", "read", "subscribe"] as const;

/** Who is asked about, and by way of which listener. */
interface Subject {
	readonly clientId: string;
	/** Null for an anonymous client. */
	readonly user: string | null;
	readonly connected: boolean;
	readonly listener: ListenerSettings;
}

export function* why(program: Program, args: UbusTable): Work<UbusInputTable> {
	const word = wordOf(args, "access", WORDS) ?? wrong("access", "missing");
	const topic = requiredText(args, "topic");
	const isValid = word === "subscribe" ? isValidTopicFilter(topic) : isValidTopicName(topic);
	if (!isValid) wrong("topic", word === "subscribe" ? "no topic filter" : "no topic name");
	const subject = subjectOf(program, args);
	const { clientId, user, connected, listener } = subject;
	const { administration } = program.broker;
	const verdict = yield* administration.explain(listener, KINDS[word], topic, clientId, user);
	const reads = verdict.reason === "not_asked" && isValidTopicName(topic);
	const delivered = reads ? yield* administration.explain(listener, "read", topic, clientId, user) : null;
	const name = listenerOf(program, listener);
	return {
		...verdictTable(verdict),
		...(clientId === "" ? {} : { client: clientId }),
		...(user === null ? {} : { user }),
		connected,
		...(name === null ? {} : { listener: name }),
		login: loginTable(program, subject),
		...(delivered === null ? {} : { delivered: verdictTable(delivered) }),
	};
}

function verdictTable(verdict: Verdict): UbusInputTable {
	const { allowed, reason, rule } = verdict;
	const table: Record<string, string | number | boolean> = {};
	for (const [name, value] of Object.entries(rule ?? {})) if (value !== null) table[name] = value;
	return { allowed, reason, text: verdictText(verdict), ...(rule === null ? {} : { rule: table }) };
}

function subjectOf(program: Program, args: UbusTable): Subject {
	const clientId = textOf(args, "client") ?? "";
	const given = textOf(args, "user");
	const session = program.broker.administration.session(clientId);
	const own = session?.rights?.username ?? null;
	return {
		clientId,
		user: given === null ? own : given === "" ? null : given,
		connected: session !== undefined && session.link !== null,
		listener: listenerNamed(program, textOf(args, "listener")) ?? session?.listener ?? firstOf(program),
	};
}

function listenerNamed(program: Program, name: string | null): ListenerSettings | null {
	if (name === null) return null;
	const plan = plansOf(program).find((each) => listenerName(each) === name);
	if (plan === undefined) throw new UbusError(Status.NOT_FOUND, `listener ${name}`);
	return plan.settings;
}

/** The first listener that serves MQTT. */
function firstOf(program: Program): ListenerSettings {
	const plans = plansOf(program);
	const plan = plans.find(({ listener }) => listener.protocol !== "http_api") ?? plans[0];
	if (plan === undefined) throw new UbusError(Status.NOT_FOUND, "listener");
	return plan.settings;
}

function plansOf(program: Program): ListenerPlan[] {
	return program.listeners().map(({ plan }) => plan);
}

/** Whether somebody of these names may come in, the password apart. */
function loginTable(program: Program, { clientId, user, listener }: Subject): UbusInputTable {
	const complaint = complaintAbout(program, clientId, user, listener);
	if (complaint !== null) return { allowed: false, text: complaint };
	if (user === null) return { allowed: true, text: "Anonymous clients may connect." };
	const text = listener.users === null ? "User names are not asked for." : "With the right password.";
	return { allowed: true, text };
}

function complaintAbout(
	program: Program,
	clientId: string,
	user: string | null,
	{ usesIdentity, users, allowAnonymous }: ListenerSettings,
): string | null {
	const { clientIdPrefixes } = program.config().global;
	if (clientIdPrefixes !== null && clientId !== "" && !clientId.startsWith(clientIdPrefixes)) {
		return "The client identifier has none of clientid_prefixes.";
	}
	if (usesIdentity) return null;
	if (user === null || users === null) return allowAnonymous ? null : "Anonymous clients are not allowed.";
	const refusal = users.refuses?.(user, clientId) ?? null;
	if (refusal !== null) return refusal;
	return users.get(user) === undefined ? `There is no user '${user}'.` : null;
}
