// Errors as RFC 9457 problem details, whoever made them: nginx, a worker or a refused link.

const TITLES = {
    400: 'Bad request',
    403: 'Forbidden',
    404: 'Not found',
    405: 'Method not allowed',
    408: 'Request timeout',
    410: 'Gone',
    413: 'Request too large',
    414: 'Address too long',
    416: 'Range not satisfiable',
    429: 'Too many connections',
    451: 'Unavailable for legal reasons',
    503: 'Temporarily unavailable',
};
const RETRY_SECONDS = 5;

function answer(r, status, detail) {
    if (r.parent) {
        // A later slice failed after the film's status line went out: no text may enter the film. nginx misses the
        // slice and closes once the viewer has what came before, short of the announced length.
        r.return(204);
        return;
    }
    r.headersOut['Content-Type'] = 'application/problem+json';
    r.headersOut['Cache-Control'] = 'no-store';
    if (status === 429 || status === 503) {
        r.headersOut['Retry-After'] = String(RETRY_SECONDS);
    }
    if (status === 405) {
        r.headersOut['Allow'] = 'GET, HEAD';
    }
    if (status === 451 && r.variables.takedown_link) {
        r.headersOut['Link'] = `<${r.variables.takedown_link}>; rel="blocked-by"`;
    }
    r.return(status, JSON.stringify({
        type: 'about:blank',
        title: TITLES[status] || 'Error',
        status: status,
        detail: detail,
        requestId: r.variables.request_id,
    }));
}

function detailOf(r, status) {
    if (status === 403) {
        const reason = r.variables.link_scope ? r.variables.link : 'malformed';
        return reason === 'expired' ? 'The link has expired.' : `The link is not valid (${reason}).`;
    }
    if (status === 410 || status === 451) {
        return 'This was taken down.';
    }
    if (status === 503) {
        return 'Try again in a moment.';
    }
    return '';
}

function send(r) {
    const status = Number(r.variables.status);
    const total = r.variables.upstream_http_content_range;
    if (status === 416 && total && !r.headersOut['Content-Range']) {
        r.headersOut['Content-Range'] = total;
    }
    answer(r, status, detailOf(r, status));
}

// A 429 is either this viewer's limit or workers that are all busy; only the first is the viewer's doing.
function tooMany(r) {
    const own = r.variables.limit_conn_status === 'REJECTED';
    answer(r, own ? 429 : 503, own ? 'Too many films at once for one viewer.' : 'Try again in a moment.');
}

export default { send, tooMany };
