/** Commands about clients. */

import {
	addRanked,
	type Command,
	type Context,
	change,
	changePassword,
	page,
	question,
	rolesOf,
} from "./command.ts";
import { type Fields, refuse, requireText } from "./fields.ts";
import { clientMembers, rankedMembers } from "./members.ts";
import { byName, type Client, createClient, type Group, NO_PRIORITY, type Role } from "./model.ts";

const BAD_ROLES = "'roles' not an array or missing/invalid rolename";

function clientOf(fields: Fields, { model }: Context): Client {
	return model.clients.get(fields.name("username")) ?? refuse("Client not found");
}

function roleOf(fields: Fields, { model }: Context): Role {
	return model.roles.get(fields.name("rolename")) ?? refuse("Role not found");
}

/** Null for none, which is also what an empty one stands for. */
function clientIdOf(fields: Fields, otherwise: string): string | null {
	const clientId = fields.optional("clientid", otherwise);
	if (clientId === null || clientId === "") return null;
	requireText(clientId, "Client ID not valid UTF-8");
	return clientId;
}

function create(fields: Fields, context: Context): void {
	const { model, password } = context;
	const client = createClient(fields.newName("username"));
	fields.optional("password", "Invalid/missing password");
	client.password = password;
	client.clientId = clientIdOf(fields, "Invalid/missing client id");
	client.textName = fields.optional("textname", "Invalid/missing textname");
	client.textDescription = fields.optional("textdescription", "Invalid/missing textdescription");
	if (model.clients.has(client.username)) refuse("Client already exists");
	client.roles = rolesOf(fields, context, BAD_ROLES) ?? client.roles;
	const groups: [Group, number][] = [];
	for (const each of fields.list("groups") ?? []) {
		const name = each.text("groupname");
		if (name === undefined) continue;
		const group = model.groups.get(name) ?? refuse("Group not found");
		if (groups.some(([known]) => known === group)) refuse("Internal error");
		groups.push([group, each.priority(NO_PRIORITY)]);
	}
	model.clients.set(client.username, client);
	for (const [group, priority] of groups) model.join(group, client, priority);
}

function modify(fields: Fields, context: Context): void {
	const { model, password, kick } = context;
	const client = clientOf(fields, context);
	const clientId = fields.text("clientid");
	const roles = rolesOf(fields, context, BAD_ROLES);
	const groups = fields.list("groups")?.map((each): [Group, number] => {
		const name = each.required("groupname", "'groups' contains an object with an invalid 'groupname'");
		const group = model.groups.get(name);
		if (group === undefined) {
			return refuse("'groups' contains an object with a 'groupname' that does not exist");
		}
		return [group, each.priority(NO_PRIORITY)];
	});
	if (groups !== undefined) {
		for (const name of [...client.groups.keys()]) model.leave(model.groups.get(name)!, client);
		for (const [group, priority] of groups) {
			if (!client.groups.has(group.name)) model.join(group, client, priority);
		}
	}
	// An empty one leaves it as it is.
	if (fields.text("password")) setPassword(client, password);
	if (clientId !== undefined) client.clientId = clientId === "" ? null : clientId;
	client.textName = fields.text("textname") ?? client.textName;
	client.textDescription = fields.text("textdescription") ?? client.textDescription;
	client.roles = roles ?? client.roles;
	kick(client.username);
}

function setPassword(client: Client, password: Context["password"]): void {
	client.password = password;
	client.unknownPassword = null;
}

function setDisabled(fields: Fields, context: Context, disabled: boolean): void {
	const client = clientOf(fields, context);
	client.disabled = disabled;
	if (disabled) context.kick(client.username);
}

function members(client: Client, context: Context): object {
	const connections = context.connections(client.username, client.clientId);
	return {
		...clientMembers(client),
		groups: rankedMembers("groupname", client.groups),
		connections: connections.map((address) => ({ address })),
	};
}

export const CLIENT_COMMANDS: Readonly<Record<string, Command>> = {
	addClientRole: change(["username", "rolename", "priority"], (fields, context) => {
		const client = clientOf(fields, context);
		const role = roleOf(fields, context);
		addRanked(client.roles, role.name, fields.priority(NO_PRIORITY), "Internal error");
		context.kick(client.username);
	}),
	createClient: changePassword(["username", "password"], create),
	deleteClient: change(["username"], (fields, context) => {
		const client = clientOf(fields, context);
		context.model.deleteClient(client);
		context.kick(client.username);
	}),
	disableClient: change(["username"], (fields, context) => setDisabled(fields, context, true)),
	enableClient: change(["username"], (fields, context) => setDisabled(fields, context, false)),
	getClient: question(["username"], (fields, context) => ({
		client: members(clientOf(fields, context), context),
	})),
	listClients: question(["verbose", "count", "offset"], (fields, context) => {
		const { clients } = context.model;
		const part = page(fields, byName(clients));
		const verbose = fields.flag("verbose") ?? false;
		return {
			totalCount: clients.size,
			clients: part.map((client) => (verbose ? members(client, context) : client.username)),
		};
	}),
	modifyClient: changePassword(["username"], modify),
	removeClientRole: change(["username", "rolename"], (fields, context) => {
		const client = clientOf(fields, context);
		client.roles.delete(roleOf(fields, context).name);
		context.kick(client.username);
	}),
	setClientId: change(["username", "clientid"], (fields, context) => {
		const clientId = clientIdOf(fields, "Invalid/missing client ID");
		const client = clientOf(fields, context);
		client.clientId = clientId;
		context.kick(client.username);
	}),
	setClientPassword: changePassword(["username", "password"], (fields, context) => {
		fields.name("username");
		if (fields.required("password", "Invalid/missing password") === "")
			refuse("Empty password is not allowed");
		const client = clientOf(fields, context);
		setPassword(client, context.password);
		context.kick(client.username);
	}),
};
