/**
 * Topics below `$CONTROL`: who may publish to one sends commands as JSON, and those who subscribed to the topic with
 * `/response` behind it get the answers.
 */

/** Who sent a request, for the log. */
export interface Requester {
	readonly clientId: string;
	readonly username: string | null;
}

/** What serves one of those topics. */
export interface ControlEndpoint {
	readonly topic: string;
	/** Takes the payload of a message, which is lent. `answer` is called with the payload of the response, now or later. */
	take(payload: Uint8Array, from: Requester, answer: (response: string) => void): void;
}

/** The answer to one command. */
export interface Response {
	readonly command: string;
	readonly error?: string;
	readonly data?: object;
	readonly correlationData?: string;
}

/** One command of a request. */
export interface Request {
	/** As it was written. */
	readonly name: string;
	readonly correlationData: string | undefined;
	readonly members: Readonly<Record<string, unknown>>;
}

/** Octets of a request at most, and commands in it. */
export const MAXIMUM_REQUEST = 262_144;
const MAXIMUM_COMMANDS = 1000;

const UNKNOWN = "Unknown command";

/**
 * Takes a request apart: the commands up to the first one that is none, and what is to be answered to that. `text` is
 * null when it is no text.
 */
export function readRequest(text: string | null): { commands: Request[]; error: Response | null } {
	const commands: Request[] = [];
	const failed = (error: string, command = UNKNOWN) => ({ commands, error: { command, error } });
	let tree: unknown;
	try {
		tree = JSON.parse(text ?? "");
	} catch {
		return failed("Payload not valid JSON");
	}
	const list = member(tree, "commands");
	if (!Array.isArray(list)) return failed("Invalid/missing commands");
	if (list.length > MAXIMUM_COMMANDS) return failed("Too many commands");
	for (const each of list) {
		if (typeof each !== "object" || each === null || Array.isArray(each))
			return failed("Command not an object");
		const name = member(each, "command");
		if (typeof name !== "string") return failed("Missing command");
		const correlationData = member(each, "correlationData");
		if (correlationData !== undefined && typeof correlationData !== "string") {
			return failed("Invalid correlationData data type.", name);
		}
		commands.push({ name, correlationData, members: each });
	}
	return { commands, error: null };
}

/** An own member, whatever the case of the letters in its name. */
export function member(value: unknown, name: string): unknown {
	if (typeof value !== "object" || value === null) return undefined;
	const members = value as Readonly<Record<string, unknown>>;
	if (Object.hasOwn(members, name)) return members[name];
	const lower = name.toLowerCase();
	const key = Object.keys(members).find((each) => each.toLowerCase() === lower);
	return key === undefined ? undefined : members[key];
}

/** The response to a command that was not carried out, or that has nothing to tell. */
export function reply({ name, correlationData }: Request, error?: string): Response {
	return {
		command: name,
		...(error === undefined ? {} : { error }),
		...(correlationData === undefined ? {} : { correlationData }),
	};
}

/** The response to a question. `command`: the name as it is written. */
export function tell(command: string, data: object, { correlationData }: Request): Response {
	return { command, data, ...(correlationData === undefined ? {} : { correlationData }) };
}

export function responseText(responses: readonly Response[]): string {
	return JSON.stringify({ responses });
}
