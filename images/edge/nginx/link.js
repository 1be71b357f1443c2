// Signed links: the njs twin of streamvault_common/signing.py, which defines the token.
import crypto from 'crypto';

const TOKEN = /^([A-Za-z0-9]{1,16})\.([0-9]{1,12})\.([gmp])\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{43})$/;
const SIGNATURE_CHARACTERS = 43;

// The secret of one key in `kid:base64url-secret,...`; null for an unknown key. Modules are evaluated anew for every
// request, so nothing is prepared ahead. start-edge has refused malformed keys.
function secretOf(kid) {
    const text = `,${process.env.LINK_KEYS.replace(/ /g, '')}`;
    const at = text.indexOf(`,${kid}:`);
    return at < 0 ? null : Buffer.from(text.slice(at + kid.length + 2).split(/[,=]/, 1)[0], 'base64url');
}

function signature(secret, scope, expires, tier, user) {
    return crypto.createHmac('sha256', secret).update(`v1\n${scope}\n${expires}\n${tier}\n${user}`).digest('base64url');
}

// Both are 43 characters; takes as long for a wrong first one as for a wrong last one.
function equal(left, right) {
    let difference = 0;
    for (let i = 0; i < SIGNATURE_CHARACTERS; i++) {
        difference |= left.charCodeAt(i) ^ right.charCodeAt(i);
    }
    return difference === 0;
}

// Judges the query argument `t` for $link_scope: `ok`, or the reason of refusal in signing.py's words.
// $viewer and $viewer_tier are set only for a link that is ok.
function verify(r) {
    const fields = TOKEN.exec(r.variables.arg_t || '');
    if (fields === null) {
        return 'malformed';
    }
    const secret = secretOf(fields[1]);
    if (secret === null) {
        return 'unknown-key';
    }
    const expires = Number(fields[2]);
    if (!equal(signature(secret, r.variables.link_scope, expires, fields[3], fields[4]), fields[5])) {
        return 'bad-signature';
    }
    if (expires <= Date.now() / 1000) {
        return 'expired';
    }
    r.variables.viewer_tier = fields[3];
    r.variables.viewer = fields[4];
    return 'ok';
}

export default { verify };
