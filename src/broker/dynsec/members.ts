/** Entries as JSON has them, in the file and in answers. */

import {
	ACL_TYPES,
	aclsInOrder,
	type Client,
	type Described,
	type Group,
	inOrder,
	NO_PRIORITY,
	type Ranked,
	type Role,
} from "./model.ts";

function description({ textName, textDescription }: Described): object {
	return {
		...(textName === null ? {} : { textname: textName }),
		...(textDescription === null ? {} : { textdescription: textDescription }),
	};
}

export function rankedMembers(nameField: string, ranked: Ranked): object[] {
	return inOrder(ranked).map(([name, priority]) => ({
		[nameField]: name,
		...(priority === NO_PRIORITY ? {} : { priority }),
	}));
}

export function clientMembers(client: Client): object {
	return {
		username: client.username,
		...(client.clientId === null ? {} : { clientid: client.clientId }),
		...description(client),
		...(client.disabled ? { disabled: true } : {}),
		roles: rankedMembers("rolename", client.roles),
	};
}

export function groupMembers(group: Group): { groupname: string; roles: object[] } {
	const roles = rankedMembers("rolename", group.roles);
	return { groupname: group.name, ...description(group), roles };
}

export function roleMembers(role: Role): object {
	return {
		rolename: role.name,
		...description(role),
		allowwildcardsubs: role.allowWildcardSubs,
		acls: ACL_TYPES.flatMap((acltype) =>
			aclsInOrder(role, acltype).map(({ topic, priority, allow }) => ({ acltype, topic, priority, allow })),
		),
	};
}
