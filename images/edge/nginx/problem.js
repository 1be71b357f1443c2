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

// Shown by an <img> whose picture is missing: a dim frame that fills whatever shape the picture would have had.
const PLACEHOLDER = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" preserveAspectRatio="xMidYMid slice">'
    + '<path fill="#1d212c" d="M0 0h96v96H0z"/>'
    + '<path fill="none" stroke="#3a4152" stroke-width="1.5" d="M34 38h28v20H34zm0 16 8-7 6 5 6-8 8 8"/></svg>';
const MISSING = [404, 410, 451, 503];

// Whether an <img> asks; a person who opens the address, or a program, is told in words.
function drawn(r, status) {
    return MISSING.includes(status) && r.uri.startsWith('/i/') && /image\/(?:\*|svg\+xml)/.test(r.headersIn.Accept || '');
}

function answer(r, status, detail) {
    if (r.parent) {
        // A later slice failed after the film's status line went out: no text may enter the film. nginx misses the
        // slice and closes once the viewer has what came before, short of the announced length.
        r.return(204);
        return;
    }
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
    if (drawn(r, status)) {
        r.headersOut['Content-Type'] = 'image/svg+xml';
        r.headersOut['Content-Security-Policy'] = "default-src 'none'; sandbox";
        r.return(status, PLACEHOLDER);
        return;
    }
    r.headersOut['Content-Type'] = 'application/problem+json';
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
