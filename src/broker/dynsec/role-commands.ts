/** Commands about roles. */

import { isValidTopicFilter } from "../../packet/packet.ts";
import { type Command, type Context, change, page, question } from "./command.ts";
import { type Fields, refuse, requireText } from "./fields.ts";
import { addAcl } from "./file.ts";
import { kickGroup } from "./group-commands.ts";
import { roleMembers } from "./members.ts";
import { type AclType, byName, createRole, findAclType, noAcls, type Role } from "./model.ts";

function roleOf(fields: Fields, { model }: Context, otherwise = "Role not found"): Role {
	return model.roles.get(fields.name("rolename")) ?? refuse(otherwise);
}

/** All who have a role, also through a group, have to come again. */
function kickRole(role: Role, context: Context): void {
	for (const client of context.model.clients.values()) {
		if (client.roles.has(role.name)) context.kick(client.username);
	}
	for (const group of context.model.groups.values()) {
		if (group.roles.has(role.name)) kickGroup(group, context);
	}
}

/** Rules that are none are passed over. */
function takeAcls(role: Pick<Role, "acls">, fields: Fields): void {
	for (const acl of fields.list("acls") ?? []) addAcl(role, acl);
}

function create(fields: Fields, { model }: Context): void {
	const role = createRole(fields.newName("rolename"));
	role.textName = fields.optional("textname", "Invalid/missing textname");
	role.textDescription = fields.optional("textdescription", "Invalid/missing textdescription");
	if (fields.get("allowwildcardsubs") !== undefined) {
		role.allowWildcardSubs = fields.flag("allowwildcardsubs") ?? refuse("Invalid allowwildcardsubs");
	}
	if (model.roles.has(role.name)) refuse("Role already exists");
	takeAcls(role, fields);
	model.roles.set(role.name, role);
}

function modify(fields: Fields, context: Context): void {
	const role = roleOf(fields, context, "Role does not exist");
	role.textName = fields.text("textname") ?? role.textName;
	role.textDescription = fields.text("textdescription") ?? role.textDescription;
	const wildcards = fields.flag("allowwildcardsubs") ?? role.allowWildcardSubs;
	const replaced = fields.list("acls") !== undefined;
	if (!replaced && wildcards === role.allowWildcardSubs) return;
	role.allowWildcardSubs = wildcards;
	if (replaced) {
		role.acls = noAcls();
		takeAcls(role, fields);
	}
	kickRole(role, context);
}

/** The role, and the rule in it that a command is about. */
function aclOf(fields: Fields, context: Context): [Role, AclType, string] {
	const role = roleOf(fields, context);
	const type =
		findAclType(fields.required("acltype", "Invalid/missing acltype")) ?? refuse("Unknown acltype");
	const topic = fields.required("topic", "Invalid/missing topic");
	requireText(topic, "Topic not valid UTF-8");
	if (!isValidTopicFilter(topic)) refuse("Invalid ACL topic");
	return [role, type, topic];
}

export const ROLE_COMMANDS: Readonly<Record<string, Command>> = {
	addRoleACL: change(["rolename", "acltype", "topic", "priority", "allow"], (fields, context) => {
		const [role, type, topic] = aclOf(fields, context);
		if (role.acls[type].has(topic)) refuse("ACL with this topic already exists");
		addAcl(role, fields);
		kickRole(role, context);
	}),
	createRole: change(["rolename"], create),
	deleteRole: change(["rolename"], (fields, context) => {
		const role = roleOf(fields, context);
		kickRole(role, context);
		context.model.deleteRole(role);
	}),
	getRole: question(["rolename"], (fields, context) => ({ role: roleMembers(roleOf(fields, context)) })),
	listRoles: question(["verbose", "count", "offset"], (fields, { model }) => {
		const part = page(fields, byName(model.roles));
		const verbose = fields.flag("verbose") ?? false;
		return {
			totalCount: model.roles.size,
			roles: part.map((role) => (verbose ? roleMembers(role) : role.name)),
		};
	}),
	modifyRole: change(["rolename"], modify),
	removeRoleACL: change(["rolename", "acltype", "topic"], (fields, context) => {
		const [role, type, topic] = aclOf(fields, context);
		if (!role.acls[type].delete(topic)) refuse("ACL not found");
		kickRole(role, context);
	}),
};
