// Headers of downloads and images.

// RFC 6266 Content-Disposition for the last path segment: an ASCII name for old clients, the real one for the others.
function disposition(r) {
    const name = (r.variables.name || '').replace(/[\x00-\x1f\x7f\u0080-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '').slice(0, 200) || 'download';
    const plain = name.replace(/[^\x20-\x7e]/g, '_').replace(/["\\%]/g, '_');
    const encoded = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
    return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

// Breaks the answer off, before its first byte, when it is not an image.
function imagesOnly(r) {
    const type = String(r.headersOut['Content-Type'] || '');
    if ((r.status === 200 || r.status === 206) && !/^image\/(?:avif|webp|jpeg|png)$/.test(type)) {
        throw new Error(`not an image: ${type}`);
    }
}

export default { disposition, imagesOnly };
