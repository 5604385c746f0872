import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type CalendarDay, renderCalendar } from '../../../report/listings/calendar.ts'
import { certificateColumns, certificateDay } from '../../../report/listings/certificates.ts'
import type { SeenCertificate } from '../../../store/history/certificates.ts'
import { eachPage, type PageRequest } from '../../../store/query/cursor-page.ts'
import { labelsOf } from '../../listing/labels.ts'
import { linkNext } from '../../listing/links.ts'
import { asFile, chooseFormat, listingContent, sendExport, wantsPage } from '../../listing/listing.ts'
import { fetchAt } from '../../listing/point-in-time.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { Certificate, CertificateQuery, CertificateReport, certificateFormats } from './schemas/certificates.ts'

const { content, description } = listingContent(CertificateReport, Certificate, certificateColumns)
const calendar = { schema: { type: 'string', examples: [renderCalendar('Certificates', [], new Date(0))] } }

export const certificateRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/reports/certificates',
    {
      config: { scope: 'reports:read', limited: true, replica: true, etag: true },
      schema: {
        operationId: 'getCertificateReport',
        tags: ['reports'],
        summary: 'List certificates',
        description:
          'The certificates that servers showed at a point in time, distinct by SHA-256, the first to end first, with the endpoints where they were seen.',
        querystring: CertificateQuery,
        response: {
          200: { description, content: { ...content, [certificateFormats.ics]: calendar } },
          ...unchanged,
          ...problems(406),
        },
      },
    },
    async (request, reply) => {
      const { query, url, view } = request
      const { expiresBefore, label, policy, target, externalId, q } = query
      const filter = {
        ...(expiresBefore === undefined ? {} : { expiresBefore: new Date(expiresBefore) }),
        ...(policy === undefined ? {} : { policy }),
        ...(target === undefined ? {} : { target }),
        ...(externalId === undefined ? {} : { externalId }),
        ...(label.length > 0 ? { labels: labelsOf(label) } : {}),
        ...(q === undefined ? {} : { text: q }),
      }
      const fetchPage = async (at: Date, page: PageRequest) => {
        const { items, next } = await view.stores.certificates.page(at, filter, page)
        return { items: items.map((item) => show(item, at)), next }
      }
      const format = chooseFormat(request, certificateFormats)
      const at = query.at === undefined ? view.now() : new Date(query.at)
      const pages = () => eachPage((page) => fetchPage(at, page))
      if (format === 'ics') {
        const days: CalendarDay[] = []
        for await (const items of pages()) days.push(...items.map(certificateDay))
        const text = renderCalendar('Certificates', days, at)
        return asFile(reply, 'certificates.ics')
          .type('text/calendar; charset=utf-8')
          .header('vary', 'accept')
          .send(text)
      }
      if (wantsPage(request)) return linkNext(reply, url, await fetchAt(query, at, fetchPage))
      const head = { at: at.toISOString() }
      return sendExport(reply, format, { name: 'certificates', columns: certificateColumns, pages: pages(), head })
    },
  )
}

const dayMs = 86_400_000

const show = ({ sans, signatureAlgorithm, mustStaple: _, ...certificate }: SeenCertificate, at: Date): Certificate => ({
  ...certificate,
  sans: sans ?? [],
  signatureAlgorithm: signatureAlgorithm ?? null,
  daysLeft: Math.floor((Date.parse(certificate.notAfter) - at.getTime()) / dayMs),
})
