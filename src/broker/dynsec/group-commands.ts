/** Commands about groups. */

import { addRanked, type Command, type Context, change, page, question, rolesOf } from "./command.ts";
import { type Fields, refuse } from "./fields.ts";
import { groupMembers } from "./members.ts";
import { byName, type Client, createGroup, type Group, NO_PRIORITY, namesOf, type Role } from "./model.ts";

function groupOf(fields: Fields, { model }: Context): Group {
	return model.groups.get(fields.name("groupname")) ?? refuse("Group not found");
}

/** Group and role that a command is about. */
function withRole(fields: Fields, context: Context): [Group, Role] {
	fields.name("groupname");
	const rolename = fields.name("rolename");
	return [groupOf(fields, context), context.model.roles.get(rolename) ?? refuse("Role not found")];
}

/** Group and client that a command is about. */
function withClient(fields: Fields, context: Context): [Group, Client] {
	const username = fields.name("username");
	fields.name("groupname");
	const client = context.model.clients.get(username) ?? refuse("Client not found");
	return [groupOf(fields, context), client];
}

/** All who are in a group have to come again. */
export function kickGroup(group: Group, { model, kick }: Context): void {
	if (group.name === model.anonymousGroup) kick(null);
	for (const username of group.clients.keys()) kick(username);
}

function create(fields: Fields, context: Context): void {
	const { model } = context;
	const group = createGroup(fields.newName("groupname"));
	group.textName = fields.optional("textname", "Invalid/missing textname");
	group.textDescription = fields.optional("textdescription", "Invalid/missing textdescription");
	if (model.groups.has(group.name)) refuse("Group already exists");
	group.roles = rolesOf(fields, context, "Internal error") ?? group.roles;
	model.groups.set(group.name, group);
}

function modify(fields: Fields, context: Context): void {
	const { model } = context;
	const group = groupOf(fields, context);
	const roles = rolesOf(fields, context, "'roles' not an array or missing/invalid rolename");
	const clients = fields.list("clients")?.map((each): [Client, number] => {
		const name = each.required("username", "'clients' contains an object with an invalid 'username'");
		const client = model.clients.get(name);
		if (client === undefined) {
			return refuse("'clients' contains an object with a 'username' that does not exist");
		}
		return [client, each.priority(NO_PRIORITY)];
	});
	if (clients !== undefined) {
		kickGroup(group, context);
		for (const name of [...group.clients.keys()]) model.leave(group, model.clients.get(name)!);
		for (const [client, priority] of clients) {
			if (!group.clients.has(client.username)) model.join(group, client, priority);
		}
	}
	group.textName = fields.text("textname") ?? group.textName;
	group.textDescription = fields.text("textdescription") ?? group.textDescription;
	group.roles = roles ?? group.roles;
	kickGroup(group, context);
}

function members(group: Group): object {
	const { roles, ...rest } = groupMembers(group);
	return { ...rest, clients: namesOf(group.clients).map((username) => ({ username })), roles };
}

export const GROUP_COMMANDS: Readonly<Record<string, Command>> = {
	addGroupClient: change(["groupname", "username", "priority"], (fields, context) => {
		const [group, client] = withClient(fields, context);
		if (group.clients.has(client.username)) refuse("Client is already in this group");
		context.model.join(group, client, fields.priority(NO_PRIORITY));
		context.kick(client.username);
	}),
	addGroupRole: change(["groupname", "rolename", "priority"], (fields, context) => {
		const [group, role] = withRole(fields, context);
		addRanked(group.roles, role.name, fields.priority(NO_PRIORITY), "Group is already in this role");
		kickGroup(group, context);
	}),
	createGroup: change(["groupname"], create),
	deleteGroup: change(["groupname"], (fields, context) => {
		const group = groupOf(fields, context);
		if (group.name === context.model.anonymousGroup) refuse("Deleting the anonymous group is forbidden");
		kickGroup(group, context);
		context.model.deleteGroup(group);
	}),
	getAnonymousGroup: question([], (_fields, { model }) => ({
		group: { groupname: model.anonymousGroup ?? "" },
	})),
	getGroup: question(["groupname"], (fields, context) => ({ group: members(groupOf(fields, context)) })),
	listGroups: question(["verbose", "count", "offset"], (fields, { model }) => {
		const part = page(fields, byName(model.groups));
		const verbose = fields.flag("verbose") ?? false;
		return {
			totalCount: model.groups.size,
			groups: part.map((group) => (verbose ? members(group) : group.name)),
		};
	}),
	modifyGroup: change(["groupname"], modify),
	removeGroupClient: change(["groupname", "username"], (fields, context) => {
		const [group, client] = withClient(fields, context);
		context.model.leave(group, client);
		context.kick(client.username);
	}),
	removeGroupRole: change(["groupname", "rolename"], (fields, context) => {
		const [group, role] = withRole(fields, context);
		group.roles.delete(role.name);
		kickGroup(group, context);
	}),
	setAnonymousGroup: change(["groupname"], (fields, context) => {
		context.model.anonymousGroup = groupOf(fields, context).name;
		context.kick(null);
	}),
};
