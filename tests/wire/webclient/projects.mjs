// Project spaces and tags as ownCloud Web's own library drives them. Takes {url, user, password, other} and prints what it saw,
// as JSON.
import axios from 'axios'
import { graph } from '@ownclouders/web-client/graph'
import { webdav } from '@ownclouders/web-client/webdav'

const { url, user, password, other } = JSON.parse(process.argv[2])
const Authorization = 'Basic ' + Buffer.from(`${user}:${password}`).toString('base64')
const api = graph(url, axios.create({ headers: { Authorization } }))
const files = webdav(url, () => {}, () => ({ Authorization }))
const saw = {}
const failure = async (promise) => {
  try {
    await promise
  } catch (error) {
    return [error.response.status, error.response.data.error.code]
  }
}

const definitions = await api.permissions.listRoleDefinitions()
const roles = Object.fromEntries(definitions.map((one) => [one.id, one]))
const id = (name) => definitions.find((one) => one.displayName === name).id
const made = await api.drives.createDrive({ name: 'Ideas & plans', description: 'For later' }, roles)
saw.made = {
  name: made.name,
  type: made.driveType,
  description: made.description,
  members: Object.keys(made.members),
  manages: made.canRename({ user: { id: user } }),
  disabled: made.disabled
}
saw.taken = await failure(api.drives.createDrive({ name: 'ideas & plans' }, roles))
const list = async () => (await api.drives.listMyDrives(roles, { orderBy: 'name asc', filter: 'driveType eq project' .replace('project', "'project'") }))
  .map((one) => [one.name, one.disabled])
saw.listed = await list()

await files.createFolder(made, { path: '/.space' })
const readme = await files.putFileContents(made, { path: '/.space/about.md', content: '# Hello' })
const special = [{ specialFolder: { name: 'readme' }, id: readme.fileId }]
const changed = await api.drives.updateDrive(made.id, { name: 'Plans', description: 'For now', special, quota: { total: 5000 } }, roles)
saw.changed = {
  name: changed.name,
  description: changed.description,
  quota: changed.spaceQuota.total,
  readme: changed.spaceReadmeData.name,
  text: (await files.getFileContents(changed, { path: '/.space/about.md' })).body
}

await api.permissions.createInvite(made.id, made.id, { recipients: [{ objectId: other, '@libre.graph.recipient.type': 'user' }], roles: [id('Can view')] }, roles)
const { shares, allowedRoles } = await api.permissions.listPermissions(made.id, made.id, roles)
saw.members = shares.map((one) => [one.sharedWith.id, one.role.displayName]).sort()
saw.allowed = allowedRoles.length
await api.permissions.updatePermission(made.id, made.id, `u:${other}`, { roles: [id('Can edit')] }, roles)
saw.editor = (await api.permissions.getPermission(made.id, made.id, `u:${other}`, roles)).role.displayName
await api.permissions.deletePermission(made.id, made.id, `u:${other}`)
saw.alone = Object.keys((await api.drives.getDrive(made.id, roles)).members)

const file = await files.putFileContents(made, { path: '/a.txt', content: 'hello' })
await api.tags.assignTags({ resourceId: file.fileId, tags: ['urgent', 'ö & x'] })
saw.tags = await api.tags.listTags()
saw.tagged = (await files.getFileInfo(made, { path: '/a.txt' })).tags
await api.tags.unassignTags({ resourceId: file.fileId, tags: ['urgent'] })
saw.left = (await files.listFiles(made, { path: '/' })).children.map((one) => [one.name, one.tags])
saw.item = (await api.driveItems.getDriveItem(made.id, file.fileId)).name

await api.drives.disableDrive(made.id)
saw.disabled = await list()
saw.hidden = await files.getFileInfo(made, { path: '/a.txt' }).catch((error) => error.statusCode)
await api.drives.updateDrive(made.id, {}, roles, { headers: { Restore: true } })
saw.restored = await list()
saw.still = (await files.getFileContents(made, { path: '/a.txt' })).body
await api.drives.disableDrive(made.id)
await api.drives.deleteDrive(made.id)
saw.gone = await list()
console.log(JSON.stringify(saw))
