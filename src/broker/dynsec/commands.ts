/** All commands of dynamic security, by name. */

import { CLIENT_COMMANDS } from "./client-commands.ts";
import { type Command, change, question } from "./command.ts";
import { refuse } from "./fields.ts";
import { GROUP_COMMANDS } from "./group-commands.ts";
import { DEFAULT_TYPES, findDefaultType } from "./model.ts";
import { ROLE_COMMANDS } from "./role-commands.ts";

const GENERAL_COMMANDS: Readonly<Record<string, Command>> = {
	getDefaultACLAccess: question([], (_fields, { model }) => ({
		acls: DEFAULT_TYPES.map((acltype) => ({ acltype, allow: model.defaults[acltype] })),
	})),
	getDetails: question([], (_fields, { model }) => ({
		clientCount: model.clients.size,
		groupCount: model.groups.size,
		roleCount: model.roles.size,
		changeIndex: model.changeIndex,
	})),
	setDefaultACLAccess: change([], (fields, { model }) => {
		for (const acl of fields.list("acls") ?? refuse("Missing/invalid actions array")) {
			const type = findDefaultType(acl.text("acltype") ?? "");
			const allow = acl.flag("allow");
			if (type !== undefined && allow !== undefined) model.defaults[type] = allow;
		}
	}),
};

export const COMMANDS: Readonly<Record<string, Command>> = {
	...GENERAL_COMMANDS,
	...CLIENT_COMMANDS,
	...GROUP_COMMANDS,
	...ROLE_COMMANDS,
};

const BY_NAME = new Map(Object.entries(COMMANDS).map((entry) => [entry[0].toLowerCase(), entry] as const));

/** The command of that name, whatever the case of its letters, with its name as it is written; undefined for none. */
export function findCommand(name: string): readonly [name: string, command: Command] | undefined {
	return BY_NAME.get(name.toLowerCase());
}
