/*
 * Cuts a viewer whose slice is not whole.
 *
 * Broken off by its worker: the slice filter fetches every slice but the first by a subrequest. When an upstream breaks off in the middle of its
 * body, ngx_http_upstream_finalize_request() ends the request without the last buffer: the client of a main request is
 * cut by that, but the parent of a subrequest only sees that it is done. The slice filter then sends the next slice
 * behind the broken one, so that a viewer gets wrong bytes, or, after the last slice, waits in vain for what is missing.
 * Here a subrequest that ends in that way is an error, which terminates the whole request.
 *
 * Too short in the cache, as after a loss of power: nginx sends as much as the file has and compares it with nothing.
 * Here that is an error, too, and the file is removed, so that the slice is fetched again.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


static ngx_http_output_body_filter_pt  ngx_http_next_body_filter;


/* What an upstream that failed after its header sends at its end: one empty buffer to be flushed, and not the last. */
static ngx_uint_t
ngx_http_whole_slices_is_broken_off(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t            *b;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (r == r->main || u == NULL || !u->header_sent || u->cleanup != NULL) {
        return 0;
    }

    if (in == NULL || in->next != NULL) {
        return 0;
    }

    b = in->buf;

    return b->flush && !b->last_buf && !b->last_in_chain && ngx_buf_special(b);
}


static ngx_uint_t
ngx_http_whole_slices_is_short_in_cache(ngx_http_request_t *r)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (!r->cached || r->cache == NULL || u == NULL || u->headers_in.content_length_n < 0) {
        return 0;
    }

    return r->cache->length - (off_t) r->cache->body_start < u->headers_in.content_length_n;
}


static ngx_int_t
ngx_http_whole_slices_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    if (ngx_http_whole_slices_is_short_in_cache(r)) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0, "slice is too short in the cache, removing it");

        if (ngx_delete_file(r->cache->file.name.data) == NGX_FILE_ERROR && ngx_errno != NGX_ENOENT) {
            ngx_log_error(NGX_LOG_CRIT, r->connection->log, ngx_errno, "short slice stays in the cache");
        }

        return NGX_ERROR;
    }

    if (ngx_http_whole_slices_is_broken_off(r, in)) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0, "slice was broken off, cutting its viewer");
        return NGX_ERROR;
    }

    return ngx_http_next_body_filter(r, in);
}


static ngx_int_t
ngx_http_whole_slices_init(ngx_conf_t *cf)
{
    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_whole_slices_body_filter;

    return NGX_OK;
}


static ngx_http_module_t  ngx_http_whole_slices_filter_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_whole_slices_init,            /* postconfiguration */
    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */
    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */
    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_whole_slices_filter_module = {
    NGX_MODULE_V1,
    &ngx_http_whole_slices_filter_module_ctx,
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};
