// What ownCloud's own libraries make of search, favourites, archives and signed addresses:
//
//     node finding.mjs '{"url": "...", "user": "...", "password": "...", "archive": "id=..."}'
//
// Prints one JSON object.
import { createRequire } from 'node:module'
import axios from 'axios'
import { ocs } from '@ownclouders/web-client/ocs'
import { webdav } from '@ownclouders/web-client/webdav'

const { url: base, user, password, archive } = JSON.parse(process.argv[2])
const Authorization = 'Basic ' + Buffer.from(`${user}:${password}`).toString('base64')
const found = {}

// @ownclouders/web-client, the library of ownCloud Web
const files = webdav(base, () => {}, () => ({ Authorization }))
const plain = axios.create({ headers: { Authorization } })
const calls = ocs(base, plain)
const search = async (term, options = {}) => {
  const { resources, totalResults } = await files.search(term, options)
  return { names: resources.map((one) => one.name).sort(), total: totalResults }
}
found.contains = await search('name:"*report*"')
found.composed = await search('(name:"*report*" OR content:"report") AND mediatype:("document" OR "pdf")')
found.limited = await search('name:"*report*"', { searchLimit: 1 })
found.nothing = await search('name:"*nothing like it*"')
const { resources: [first] } = await files.search('name:"report.pdf"', {})
found.first = { name: first.name, type: first.type, fileId: first.fileId, starred: first.starred }
await files.setFavorite({ webDavPath: `/files/${user}` }, { path: '/report.pdf' }, true)
const { results } = await files.listFavoriteFiles({ username: user })
found.favourites = results.map((one) => one.props.name)

const read = async (url) => {
  const response = await fetch(url)
  return { status: response.status, text: response.ok ? Buffer.from(await response.arrayBuffer()).toString('latin1') : '' }
}
const signed = await calls.signUrl({ url: `${base}/remote.php/dav/files/${user}/d%20%C3%A4/report%202.txt`, username: user })
found.signed = await read(signed)
found.changed = (await read(signed.replace('report%202', 'other'))).status
const packed = await read(await calls.signUrl({ url: `${base}/archiver?${archive}`, username: user }))
found.archive = { status: packed.status, magic: packed.text.slice(0, 4) }

// owncloud-sdk, that of ownCloud Web up to 7
const Sdk = createRequire(import.meta.url)('owncloud-sdk')
const sdk = new Sdk()
sdk.init({ baseUrl: base, auth: { basic: { username: user, password } } })
await sdk.login()
const old = await sdk.files.search('report', 20)
found.sdk = {
  search: (old.results ?? old).map((one) => one.name).sort(),
  favourites: (await sdk.files.getFavoriteFiles(['{DAV:}resourcetype'])).map((one) => one.name),
  signed: await read(await sdk.signUrl(`${base}/remote.php/dav/files/${user}/report.pdf`)),
}
console.log(JSON.stringify(found))
process.exit()
