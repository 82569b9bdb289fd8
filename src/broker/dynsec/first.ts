/** What there is before anybody has configured anything: roles for what is common, and who may configure. */

import type { PasswordHash } from "../../config/password.ts";
import {
	type AclType,
	createClient,
	createGroup,
	createRole,
	Model,
	NO_PRIORITY,
	type Role,
} from "./model.ts";

const ANONYMOUS = "unauthenticated";

const ALL: readonly AclType[] = [
	"publishClientSend",
	"publishClientReceive",
	"subscribePattern",
	"unsubscribePattern",
];

/** Name, description, topic filter, and what is allowed with it. */
const ROLES: readonly (readonly [string, string, string, readonly AclType[]])[] = [
	["client", "Read and write all topics of applications.", "#", ALL],
	["broker-admin", "Administer the broker.", "$CONTROL/broker/#", ALL],
	["dynsec-admin", "Administer clients, groups and roles.", "$CONTROL/dynamic-security/#", ALL],
	["super-admin", "Administer everything.", "$CONTROL/#", ALL],
	[
		"sys-notify",
		"Bridges: tell the state of their connection.",
		"$SYS/broker/connection/%c/state",
		["publishClientSend"],
	],
	["sys-observe", "Read $SYS.", "$SYS/#", ["publishClientReceive", "subscribePattern"]],
	[
		"topic-observe",
		"Read all topics of applications.",
		"#",
		["publishClientReceive", "subscribePattern", "unsubscribePattern"],
	],
];

/** `user`: for a client that may publish and subscribe to everything; null for no such client. */
export function firstModel(admin: PasswordHash, user: PasswordHash | null): Model {
	const model = new Model();
	for (const row of ROLES) {
		const role = makeRole(row);
		model.roles.set(role.name, role);
	}
	const group = createGroup(ANONYMOUS);
	group.textName = "Unauthenticated group";
	group.textDescription = "Its roles are those of clients that connect without a user name.";
	model.groups.set(group.name, group);
	model.anonymousGroup = group.name;
	add(model, "admin", "Admin user", admin, ["super-admin", "sys-observe", "topic-observe"]);
	if (user !== null)
		add(model, "democlient", "For first tries: may publish and subscribe to #", user, ["client"]);
	return model;
}

function makeRole([name, description, topic, types]: (typeof ROLES)[number]): Role {
	const role = createRole(name);
	role.textDescription = description;
	for (const type of types) role.acls[type].set(topic, { topic, priority: 0, allow: true });
	return role;
}

function add(
	model: Model,
	username: string,
	textName: string,
	password: PasswordHash,
	roles: string[],
): void {
	const client = createClient(username);
	client.textName = textName;
	client.password = password;
	client.roles = new Map(roles.map((name) => [name, NO_PRIORITY]));
	model.clients.set(username, client);
}
