// From what was dropped or chosen to a list of files: folders are walked through, what is no picture is left out.

/** The files of a drop, those in folders included. Call it at once: a drop's items are gone a moment later. */
export function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  return entries.length ? Promise.all(entries.map(walk)).then((lists) => lists.flat()) : Promise.resolve([...transfer.files]);
}

async function walk(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const one of some) found.push(...(await walk(one)));
  }
}

/** One file that is no picture is sent all the same, to be refused in the API's words; many at once are a
 * folder, in which there may be anything. */
export function pick(files) {
  const pictures = files.filter((file) => file.type.startsWith("image/"));
  return files.length === 1 ? { pictures: files, left: 0 } : { pictures, left: files.length - pictures.length };
}
