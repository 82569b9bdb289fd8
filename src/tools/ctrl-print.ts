/** What mosquitto_ctrl prints of a response, as mosquitto's program prints it. */

type Members = Readonly<Record<string, unknown>>;

/** The response is not what it should be. */
export class ResponseError extends Error {}

const NO_DATA = "Error: Payload missing data.";
const INVALID = "Error: Invalid response from server.";

function membersOf(value: unknown, otherwise = INVALID): Members {
	if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Members;
	throw new ResponseError(otherwise);
}

function listOf(value: unknown, otherwise = INVALID): readonly unknown[] {
	if (Array.isArray(value)) return value;
	throw new ResponseError(otherwise);
}

function textOf(value: unknown, otherwise = INVALID): string {
	if (typeof value === "string") return value;
	throw new ResponseError(otherwise);
}

/** Lines for standard output, and for standard error when the command was refused. Throws ResponseError. */
export function printResponse(payload: string): { out: string[]; error: string | null } {
	let tree: unknown;
	try {
		tree = JSON.parse(payload);
	} catch {
		throw new ResponseError("Error: Payload not JSON.");
	}
	const [first] = listOf(membersOf(tree, NO_DATA).responses, NO_DATA);
	const response = membersOf(first, NO_DATA);
	const command = textOf(response.command, NO_DATA);
	if (typeof response.error === "string") {
		return { out: [], error: `${command}: Error: ${response.error}.` };
	}
	const print = PRINTERS[command.toLowerCase()];
	return { out: print === undefined ? [] : print(membersOf(response.data)), error: null };
}

const PRINTERS: Readonly<Record<string, (data: Members) => string[]>> = {
	listclients: (data) => names(data.clients, "username"),
	listgroups: (data) => names(data.groups, "groupname"),
	listroles: (data) => names(data.roles, "rolename"),
	getclient: (data) => client(membersOf(data.client)),
	getgroup: (data) => group(membersOf(data.group)),
	getrole: (data) => role(membersOf(data.role)),
	getdefaultaclaccess: (data) =>
		listOf(data.acls).map((each) => {
			const { acltype, allow } = membersOf(each);
			return `${textOf(acltype).padEnd(20)} : ${allow === true ? "allow" : "deny"}`;
		}),
	getanonymousgroup: (data) => [textOf(membersOf(data.group).groupname)],
	listlisteners: (data) => listOf(data.listeners).flatMap((each, index) => listener(membersOf(each), index)),
	listplugins: (data) => listOf(data.plugins).flatMap((each) => plugin(membersOf(each))),
};

function names(list: unknown, field: string): string[] {
	return listOf(list).map((each) => textOf(typeof each === "string" ? each : membersOf(each)[field]));
}

/** A line for each entry of a list, the first one with a label. */
function labelled(
	list: unknown,
	label: string,
	width: number,
	field: string,
	withPriority: boolean,
): string[] {
	if (!Array.isArray(list)) return [label];
	return list.map((each, index) => {
		const members = membersOf(each);
		const priority = withPriority ? ` (priority: ${members.priority ?? -1})` : "";
		return `${(index === 0 ? label : "").padEnd(width)} ${textOf(members[field])}${priority}`;
	});
}

function client({ username, clientid, disabled, roles, groups, connections }: Members): string[] {
	const width = "Connections:".length;
	const line = (label: string, value: unknown) => `${label.padEnd(width)} ${value}`;
	return [
		line("Username:", textOf(username)),
		typeof clientid === "string" ? line("Clientid:", clientid) : "Clientid:",
		...(typeof disabled === "boolean" ? [line("Disabled:", disabled)] : []),
		...labelled(roles, "Roles:", width, "rolename", true),
		...labelled(groups, "Groups:", width, "groupname", true),
		...labelled(connections, "Connections:", width, "address", false),
	];
}

function group({ groupname, roles, clients }: Members): string[] {
	const width = "Groupname:".length;
	return [
		`Groupname: ${textOf(groupname)}`,
		...labelled(roles, "Roles:", width, "rolename", true),
		...labelled(clients, "Clients:", width, "username", false),
	];
}

function role({ rolename, acls }: Members): string[] {
	const lines = listOf(acls ?? []).map((each, index) => {
		const { acltype, allow, topic, priority } = membersOf(each);
		const label = index === 0 ? "ACLs:     " : "          ";
		const verdict = typeof allow === "boolean" ? ` : ${allow ? "allow" : "deny "}` : "";
		const filter = typeof topic === "string" ? ` : ${topic}` : "";
		return `${label}${textOf(acltype).padEnd(20)}${verdict}${filter} (priority: ${priority ?? -1})`;
	});
	return [`Rolename: ${textOf(rolename)}`, ...lines];
}

function listener(members: Members, index: number): string[] {
	const rows: [string, unknown][] = [
		["Port:", members.port],
		["Protocol:", members.protocol],
		["Socket path:", members["socket-path"]],
		["Bind address:", members["bind-address"]],
		["TLS:", members.tls === true],
	];
	const known = rows.filter(([, value]) => value !== undefined);
	return [`Listener ${index + 1}:`, ...known.map(([label, value]) => `  ${label.padEnd(18)} ${value}`), ""];
}

function plugin(members: Members): string[] {
	const endpoints = listOf(members["control-endpoints"] ?? []).map((each) => textOf(each));
	return [
		`Plugin:            ${textOf(members.name)}`,
		...(typeof members.version === "string" ? [`Version:           ${members.version}`] : []),
		...endpoints.map((each, index) => `${(index === 0 ? "Control endpoints:" : "").padEnd(18)} ${each}`),
	];
}
