/** What mosquitto_ctrl does to the configuration file of dynamic security, without a broker. */

import { HASH_LENGTH, MAXIMUM_ITERATIONS, SALT_LENGTH } from "../config/password.ts";
import { encodeBase64 } from "../host/base64.ts";
import type { Host, HostError } from "../host/host.ts";
import { octetsOf } from "./argument.ts";
import { UsageError } from "./usage-error.ts";

const FILE_LIMIT = 16 * 1024 * 1024;
const ITERATIONS = 1000;
const ROLE = "admin";

type Members = Record<string, unknown>;

async function passwordMembers(host: Host, password: string, iterations: number): Promise<Members> {
	const salt = host.random.bytes(SALT_LENGTH);
	const octets = octetsOf(host.utf8, password);
	const hash = await new Promise<Uint8Array>((resolve) => {
		host.crypto.pbkdf2Sha512(octets, salt, iterations, HASH_LENGTH, resolve);
	});
	return { password: encodeBase64(hash), salt: encodeBase64(salt), iterations };
}

/** Writes a file with one client, which may administer and read everything. Throws UsageError. */
export async function initialise(
	host: Host,
	path: string,
	username: string,
	password: string,
): Promise<void> {
	if (host.files.info(path) !== null) {
		const advice = "Remove the file or use a different location";
		throw new UsageError(`dynsec init: '${path}' already exists. ${advice}.\n`);
	}
	const acl = (acltype: string, topic: string) => ({ acltype, topic, priority: 0, allow: true });
	const both = (topic: string) => [acl("publishClientReceive", topic), acl("subscribePattern", topic)];
	const control = "$CONTROL/dynamic-security/#";
	const tree = {
		defaultACLAccess: {
			publishClientSend: false,
			publishClientReceive: true,
			subscribe: false,
			unsubscribe: true,
		},
		clients: [
			{
				username,
				textname: "Dynsec admin user",
				roles: [{ rolename: ROLE }],
				...(await passwordMembers(host, password, ITERATIONS)),
			},
		],
		groups: [],
		roles: [
			{
				rolename: ROLE,
				acls: [
					acl("publishClientSend", control),
					...both(control),
					...both("$SYS/#"),
					...both("#"),
					acl("unsubscribePattern", "#"),
				],
			},
		],
	};
	write(host, path, tree, "dynsec init");
}

/** Changes the password of a client. Throws UsageError. */
export async function setPasswordInFile(
	host: Host,
	path: string,
	[username, password, ...more]: readonly string[],
): Promise<void> {
	const [option, count, ...rest] = more;
	const iterations = count !== undefined && /^[0-9]{1,7}$/.test(count) ? Number(count) : 0;
	const isRight = option === undefined || (option === "-i" && iterations > 0 && rest.length === 0);
	if (username === undefined || password === undefined || !isRight || iterations > MAXIMUM_ITERATIONS) {
		throw new UsageError("Error: Invalid function arguments provided.\n");
	}
	const tree = read(host, path);
	if (!Array.isArray(tree.clients)) {
		throw new UsageError(`Error: ${path} is not a valid dynamic-security config file.\n`);
	}
	const client = tree.clients.find((each: Members | null) => each?.username === username) as
		| Members
		| undefined;
	if (client === undefined) throw new UsageError(`Error: Client ${username} not found.\n`);
	delete client.encoded_password;
	Object.assign(
		client,
		await passwordMembers(host, password, option === undefined ? ITERATIONS : iterations),
	);
	write(host, path, tree, "Error");
}

function read(host: Host, path: string): Members {
	let bytes: Uint8Array;
	try {
		bytes = host.files.read(path, FILE_LIMIT);
	} catch (error) {
		throw new UsageError(`Error: Unable to open ${path} (${(error as HostError).message}).\n`);
	}
	try {
		const tree: unknown = JSON.parse(host.utf8.decode(bytes, 0, bytes.length) ?? "");
		if (typeof tree === "object" && tree !== null) return tree as Members;
	} catch {
		// Said below.
	}
	throw new UsageError(`Error: ${path} is not valid JSON.\n`);
}

function write(host: Host, path: string, tree: object, who: string): void {
	try {
		host.files.replace(path, host.utf8.encode(`${JSON.stringify(tree, null, "\t")}\n`), 0o640);
	} catch (error) {
		const why = (error as HostError).message;
		throw new UsageError(`${who}: Unable to open '${path}' for writing (${why}).\n`);
	}
}
