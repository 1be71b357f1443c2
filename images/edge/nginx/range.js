// Browsers ask for all that is left of a film by one request, and nginx keeps a file open for every slice that a request has passed.
// They get the rest of a block instead and ask again from its end: RFC 9110 15.3.7 allows a server to send less than was asked.
const MIB = 1024 * 1024;

// The request's Range; one that is open-ended and a browser's ends with its block of $play_mib (0 = as asked).
function bounded(r) {
    const asked = r.headersIn.Range || '';
    const block = Number(r.variables.play_mib) * MIB;
    const open = /^bytes=([0-9]{1,13})-$/.exec(asked);
    // Programs that save a film take the end of an answer for the end of the film.
    if (open === null || block === 0 || !/^Mozilla\//.test(r.headersIn['User-Agent'] || '')) {
        return asked;
    }
    const first = Number(open[1]);
    return `bytes=${first}-${(Math.floor(first / block) + 1) * block - 1}`;
}

export default { bounded };
