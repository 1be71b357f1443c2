// Which worker a slice is asked from: the same one for all slices of a block, because it reads ahead within it.
const AFFINITY_BYTES = 256 * 1024 * 1024;

// The file and the number of the block that holds the slice; only the file for what is not cut into slices.
function ofSlice(r) {
    const first = /^bytes=([0-9]+)-/.exec(r.variables.slice_range || '');
    return first === null ? r.variables.fid : `${r.variables.fid}:${Math.floor(Number(first[1]) / AFFINITY_BYTES)}`;
}

export default { ofSlice };
