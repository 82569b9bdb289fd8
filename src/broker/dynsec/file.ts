/** The configuration file of dynamic security: JSON, as mosquitto's plugin reads and writes it. */

import type { PasswordHash } from "../../config/password.ts";
import { encodeBase64 } from "../../host/base64.ts";
import { Fields, isObject } from "./fields.ts";
import { clientMembers, groupMembers, rankedMembers, roleMembers } from "./members.ts";
import {
	byName,
	type Client,
	createClient,
	createGroup,
	createRole,
	DEFAULT_TYPES,
	type Described,
	findAclType,
	limitedPriority,
	Model,
	NO_PRIORITY,
	type Ranked,
	type Role,
} from "./model.ts";

/** Reads a hash as password files have it; a text says why it is none. */
export type ParsePassword = (text: string) => PasswordHash | string;

/** Entries of each kind at most. */
const MAXIMUM_ENTRIES = 100_000;

/** The file is not what it should be; the text says where, and what. */
export class DynsecError extends Error {}

/** Takes the file's text. Throws DynsecError; what can be left out is told to `remark`. */
export function readModel(text: string, parse: ParsePassword, remark: (text: string) => void): Model {
	let tree: unknown;
	try {
		tree = JSON.parse(text);
	} catch (error) {
		throw new DynsecError(`it is not valid JSON (${error instanceof Error ? error.message : error})`);
	}
	if (!isObject(tree)) throw new DynsecError("it is not a JSON object");
	return new Reader(new Fields(tree), parse, remark).read();
}

class Reader {
	private readonly model = new Model();
	private readonly root: Fields;
	private readonly parse: ParsePassword;
	private readonly remark: (text: string) => void;

	constructor(root: Fields, parse: ParsePassword, remark: (text: string) => void) {
		this.root = root;
		this.parse = parse;
		this.remark = remark;
	}

	read(): Model {
		const { model, root } = this;
		const defaults = root.get("defaultACLAccess");
		if (isObject(defaults)) {
			const fields = new Fields(defaults);
			for (const type of DEFAULT_TYPES) model.defaults[type] = fields.flag(type) ?? model.defaults[type];
		} else if (defaults !== undefined) {
			throw new DynsecError("defaultACLAccess is not an object");
		}
		this.each("roles", "rolename", model.roles, (name, fields, at) => this.role(name, fields, at));
		this.each("clients", "username", model.clients, (name, fields, at) => this.client(name, fields, at));
		this.each("groups", "groupname", model.groups, (name, fields, at) => {
			const group = createGroup(name);
			describe(group, fields);
			group.roles = this.ranked(fields, "roles", "rolename", model.roles, at);
			for (const [username, priority] of this.ranked(fields, "clients", "username", model.clients, at)) {
				model.join(group, model.clients.get(username)!, priority);
			}
			return group;
		});
		this.anonymousGroup();
		model.changeIndex = Math.max(0, root.number("changeIndex", 0));
		return model;
	}

	/** Fills a map with the entries of a list. One without a name, or whose name there is already, is left out. */
	private each<T>(
		list: string,
		nameField: string,
		map: Map<string, T>,
		make: (name: string, fields: Fields, at: string) => T,
	): void {
		const value = this.root.get(list);
		if (value === undefined) return;
		if (!Array.isArray(value)) throw new DynsecError(`${list} is not a list`);
		if (value.length > MAXIMUM_ENTRIES) {
			throw new DynsecError(`${list} has more than ${MAXIMUM_ENTRIES} entries`);
		}
		for (const [index, entry] of value.entries()) {
			const at = `${list}[${index}]`;
			if (!isObject(entry)) throw new DynsecError(`${at} is not an object`);
			const fields = new Fields(entry);
			const name = fields.text(nameField);
			if (name === undefined || name === "") throw new DynsecError(`${at} has no ${nameField}`);
			if (map.has(name)) this.remark(`${at} is left out: there is a ${nameField} '${name}' already`);
			else map.set(name, make(name, fields, at));
		}
	}

	private role(name: string, fields: Fields, at: string): Role {
		const role = createRole(name);
		describe(role, fields);
		role.allowWildcardSubs = fields.flag("allowwildcardsubs") ?? true;
		for (const [index, acl] of (fields.list("acls") ?? []).entries()) {
			if (!addAcl(role, acl)) this.remark(`${at}.acls[${index}] is left out: its acltype or topic is wrong`);
		}
		return role;
	}

	private client(name: string, fields: Fields, at: string): Client {
		const client = createClient(name);
		describe(client, fields);
		client.clientId = fields.text("clientid") ?? null;
		client.disabled = fields.flag("disabled") ?? false;
		client.roles = this.ranked(fields, "roles", "rolename", this.model.roles, at);
		this.password(client, fields, at);
		return client;
	}

	private password(client: Client, fields: Fields, at: string): void {
		const encoded = fields.text("encoded_password");
		const hash = fields.text("password");
		if (encoded === undefined && hash === undefined) return;
		const written = `$7$${fields.number("iterations", 0)}$${fields.text("salt") ?? ""}$${hash}`;
		const password = this.parse(encoded ?? written);
		if (typeof password !== "string") {
			client.password = password;
			return;
		}
		client.unknownPassword = encoded ?? null;
		this.remark(`${at}: client '${client.username}' cannot log in: ${password}`);
	}

	/** What an entry has of something else. */
	private ranked(
		fields: Fields,
		list: string,
		nameField: string,
		known: ReadonlyMap<string, unknown>,
		at: string,
	): Ranked {
		const ranked: Ranked = new Map();
		for (const [index, each] of (fields.list(list) ?? []).entries()) {
			const name = each.text(nameField);
			if (name === undefined || !known.has(name)) {
				this.remark(`${at}.${list}[${index}] is left out: there is no ${nameField} '${name}'`);
			} else if (!ranked.has(name)) {
				ranked.set(name, each.priority(NO_PRIORITY));
			}
		}
		return ranked;
	}

	private anonymousGroup(): void {
		const name = this.root.text("anonymousGroup");
		if (name === undefined) return;
		if (this.model.groups.has(name)) this.model.anonymousGroup = name;
		else this.remark(`anonymousGroup is left out: there is no groupname '${name}'`);
	}
}

function describe(entry: Described, fields: Fields): void {
	entry.textName = fields.text("textname") ?? null;
	entry.textDescription = fields.text("textdescription") ?? null;
}

/** Adds a rule as JSON has it; false when it is none. The first one of a type and topic counts. */
export function addAcl(role: Pick<Role, "acls">, fields: Fields): boolean {
	const type = findAclType(fields.text("acltype") ?? "");
	const topic = fields.text("topic");
	if (type === undefined || topic === undefined || topic === "") return false;
	const acls = role.acls[type];
	const priority = limitedPriority(fields.number("priority", 0));
	if (!acls.has(topic)) acls.set(topic, { topic, priority, allow: fields.flag("allow") ?? false });
	return true;
}

/** The file's text. */
export function writeModel(model: Model): string {
	const tree = {
		defaultACLAccess: model.defaults,
		clients: byName(model.clients).map((client) => ({
			...clientMembers(client),
			...passwordMembers(client),
		})),
		groups: byName(model.groups).map((group) => ({
			...groupMembers(group),
			clients: rankedMembers("username", group.clients),
		})),
		roles: byName(model.roles).map(roleMembers),
		...(model.anonymousGroup === null ? {} : { anonymousGroup: model.anonymousGroup }),
		changeIndex: model.changeIndex,
	};
	return `${JSON.stringify(tree, null, "\t")}\n`;
}

/** As mosquitto wrote it before 2.1, and reads it still; other kinds than PBKDF2 as 2.1 does. */
function passwordMembers({ password, unknownPassword }: Client): object {
	if (password === null) return unknownPassword === null ? {} : { encoded_password: unknownPassword };
	const [hash, salt] = [encodeBase64(password.hash), encodeBase64(password.salt)];
	if (password.kind === "sha512") return { encoded_password: `$6$${salt}$${hash}` };
	return { password: hash, salt, iterations: password.iterations };
}
